"""What the demonstration decides: its run's plan, and the pack of the genre that its adapter is to serve in."""

import shutil
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final, Literal

import yaml

from kilnmark.lab.demo.prints import TRIGGER
from kilnmark.lab.run.plan import DatasetPlan, JudgePlan, Prompt, RunPlan, SweepPlan, TrainingPlan
from kilnmark.lab.run.verify_plan import VerifyPlan
from kilnmark.lab.training.proposed import proposed_training

__all__ = ["BASE", "GENRE", "NAME", "PAIRS", "SCENE", "SIZE", "TIER", "demo_plan", "write_bars", "write_pack"]

BASE: Final = "mini"
NAME: Final = TRIGGER
GENRE: Final = "printworks"
TIER: Final = "scene"
SCENE: Final = "a castle near a river at dusk"
"""What is painted once the adapter serves."""

PAIRS: Final = 150
SIZE: Final = 128
"""Pixels at which `mini` is good."""

_FAMILIAR: Final = "a bridge at dusk under a clear sky"
_NONSENSE: Final = "kezu"

_LIMITS: Final[Mapping[str, Mapping[Literal["least", "most"], float]]] = {
    "towards": {"least": 0.3},
    "fires": {"least": 1.2},
}
"""In place of 0.4 and 1.5, of which a training of two minutes comes out on either side; the gate's report tells it."""

_BARS_FILE: Final = "bars.toml"
_BARS: Final = """[two-minutes]
version = 1
why = "a training of two minutes comes less of the way, and a metric of six pictures is unsteady"
cell = { Q1 = 0.25, Q4 = 0.6 }
over = { Q1 = 0.8, Q4 = 0.9 }
floor = { Q1 = 0.1 }
"""
"""In place of the metric's own, which ask for 0.4 of every picture."""


def demo_plan(dataset: str) -> RunPlan:
    """The run's plan.

    Args:
        dataset: Its folder, from the run's.
    """
    return RunPlan(
        name=NAME,
        kind="style",
        trigger=TRIGGER,
        base=BASE,
        genre=GENRE,
        dataset=DatasetPlan(path=dataset, size=SIZE, pairs=PAIRS),
        training=TrainingPlan(seed=1, **proposed_training(BASE, "mflux")),
        sweep=SweepPlan(seeds=(1, 2), width=SIZE, height=SIZE, steps=4, prompts=_prompts()),
        verify=VerifyPlan(nonsense=_NONSENSE, limits=_LIMITS, fires=True, unattended=True),
        judge=JudgePlan(
            judge="metric",
            bars="two-minutes",
            bars_file=_BARS_FILE,
            seeds=(101, 102),
            numbers={"width": SIZE, "height": SIZE, "steps": 4},
        ),
    )


def _prompts() -> tuple[Prompt, ...]:
    return (
        Prompt(role="familiar", text=f"{TRIGGER}, {_FAMILIAR}"),
        Prompt(role="novel", text=f"{TRIGGER}, a harbour by day in the rain"),
        Prompt(
            role="detail",
            text=f"{TRIGGER}, a tower at dawn in the snow",
            questions=("Is there one tower and no more?", "Does it snow?"),
        ),
        Prompt(role="control", text=_FAMILIAR),
        Prompt(role="nonsense", text=f"{_NONSENSE}, {_FAMILIAR}"),
    )


def write_bars(run: Path) -> None:
    """Write what the run's pictures are held to beside its plan, which names it."""
    (run / _BARS_FILE).write_text(_BARS, encoding="utf-8")


def write_pack(packs: Path, *, lists: bool) -> Path:
    """Write a pack whose pictures get promoted adapters alone.

    Args:
        packs: The folder of packs, made where it is absent.
        lists: Whether its style names the adapter already; the file is somebody else's part.

    Returns:
        The folder that its adapters belong in.
    """
    genre = packs / GENRE
    loras = genre / "loras"
    loras.mkdir(parents=True, exist_ok=True)
    with as_file(files("kilnmark") / "genre_packs" / "weatherwright" / "tiers.yaml") as tiers:
        shutil.copyfile(tiers, genre / "tiers.yaml")
    entry = {"name": NAME, "file": f"loras/{NAME}.safetensors", "scale": 1.0, "applies_to": [TIER], "trigger": TRIGGER}
    style = {"preferred_model": BASE, "base_seed": 1887, "require_promoted": True, "loras": [entry] if lists else []}
    (genre / "visual_style.yaml").write_text(yaml.safe_dump(style, sort_keys=False), encoding="utf-8")
    return loras
