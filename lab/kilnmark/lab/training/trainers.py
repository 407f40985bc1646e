"""The table of trainers: how each is begun, what its versions are told by, and where its checkpoints appear.

A trainer is a row, and nothing else knows its name. Nothing is run here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from kilnmark.lab.run.plan import RunPlan
from kilnmark.lab.training.errors import TrainerUnusable
from kilnmark.protocol.picture.catalog import VARIANTS

__all__ = ["TRAINERS", "Layout", "Trainer", "trainer_of"]

Layout = Literal["mflux", "mlx-examples", "ai-toolkit", "kohya", "zip"]
"""What a dataset is written as."""

_SMALL = "mini"
"""The model that comes with kilnmark, which mflux's own program cannot build."""


@dataclass(frozen=True, slots=True)
class Trainer:
    """One row.

    Attributes:
        name: As `run.toml` has it.
        layout: What its dataset is written as.
        command: Its command, with placeholders; empty: `run.toml` has to give one. None: it is a remote.
        packages: Whose versions decide what it does.
        checkpoints: Names of its checkpoints, from its output folder, each with a group `step`.
        names_last: Its last one has the name of the run's adapter, and no step in it.
        resume: What its command becomes where it goes on from a checkpoint; None: it begins anew.
        finds_its_own: It looks for its last checkpoint by itself, in the output folder that it is given again.
        folder: Where it is started, from its checkout; None: it has no checkout.
    """

    name: str
    layout: Layout
    command: tuple[str, ...] | None
    packages: tuple[str, ...] = ()
    checkpoints: tuple[re.Pattern[str], ...] = ()
    names_last: bool = False
    resume: tuple[str, ...] | None = None
    finds_its_own: bool = False
    folder: str | None = None

    @property
    def is_remote(self) -> bool:
        """Whether it trains elsewhere."""
        return self.command is None

    @property
    def goes_on(self) -> bool:
        """Whether it can take up a training that was interrupted."""
        return self.resume is not None or self.finds_its_own


def _names(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.ASCII) for pattern in patterns)


_ZIPS = _names(r"checkpoints/(?P<step>\d+)_checkpoint\.zip")
_MFLUX = ("mflux", "mlx", "mlx-metal", "mlx-cpu", "mlx-cuda-13", "numpy")
_OWN = ("{python}", "-P", "-m", "kilnmark.engine.families.flux2.training")

_ROWS: Final = (
    Trainer(
        "mflux",
        "mflux",
        ("mflux-train", "--config", "{config}"),
        packages=_MFLUX,
        checkpoints=_ZIPS,
        resume=("mflux-train", "--resume", "{resume}"),
    ),
    Trainer(
        "mlx-examples",
        "mlx-examples",
        (
            *("{python}", "dreambooth.py", "--model", "{base}", "--iterations", "{steps}"),
            *("--checkpoint-every", "{save_every}", "--progress-every", "{save_every}", "--lora-rank", "{rank}"),
            *("--learning-rate", "{learning_rate}", "--progress-prompt", "{prompt}"),
            *("--output-dir", "{output}", "{data}"),
        ),
        packages=("mlx", "mlx-metal", "numpy"),
        checkpoints=_names(r"(?P<step>\d+)_adapters\.safetensors"),
        folder="flux",
    ),
    Trainer(
        "ai-toolkit",
        "ai-toolkit",
        ("{python}", "run.py", "{config}"),
        packages=("torch", "diffusers", "transformers"),
        checkpoints=_names(r"(?:.*/)?[^/]*_(?P<step>\d{9})\.safetensors"),
        names_last=True,
        finds_its_own=True,
        folder=".",
    ),
    Trainer(
        "kohya",
        "kohya",
        (),
        packages=("torch", "diffusers", "transformers", "accelerate"),
        checkpoints=_names(r"(?:.*/)?[^/]*-step(?P<step>\d{8})\.safetensors"),
        names_last=True,
        folder=".",
    ),
    Trainer("remote", "zip", None),
)

TRAINERS: Final[Mapping[str, Trainer]] = MappingProxyType({row.name: row for row in _ROWS})
"""By their names in `run.toml`."""

_MINI: Final = Trainer(
    "mflux",
    "mflux",
    (*_OWN, "--config", "{config}"),
    packages=_MFLUX,
    checkpoints=_ZIPS,
    resume=(*_OWN, "--resume", "{resume}"),
)


def trainer_of(plan: RunPlan) -> Trainer:
    """The row that a run is trained by.

    Raises:
        TrainerUnusable: There is none of that name, or its choices do not go together.
    """
    training = plan.training
    row = TRAINERS.get(training.trainer)
    if row is None:
        raise TrainerUnusable(training.trainer, "there is none of that name", f"choose one of {', '.join(TRAINERS)}")
    if plan.base not in VARIANTS:
        raise TrainerUnusable(row.name, f"{plan.base!r} is no variant", "correct base in run.toml")
    if row.name == "mflux" and VARIANTS[plan.base].name == _SMALL:
        return _MINI
    if row.is_remote and training.remote is None:
        raise TrainerUnusable(row.name, "run.toml does not say which", "write a section [training.remote] there")
    if not row.is_remote and row.folder is not None and training.checkout is None:
        raise TrainerUnusable(row.name, "its folder is not known", "give [training] checkout in run.toml")
    if row.command == () and not training.command:
        raise TrainerUnusable(row.name, "it is run by a command of yours", "give [training] command in run.toml")
    return row
