"""diffusers' FLUX with PEFT at the directory's topology, measured by a stand-alone script in an environment of its own.

Its times are of torch on the CPU and stand beside ours; its ratios are against its own model without adapters.
"""

import json
import os
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import make_adapter
from scripts.rivals import RivalsUnavailable, set_up
from tests.benchmarks.figures import Figure, Missing, Platform, tell

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

SCRIPT = Path(__file__).resolve().parent.parent.parent / "scripts" / "rival_diffusers.py"
SECONDS = 10.0
"""For each of its four groups of figures, once they are set up."""
PATIENCE = 300.0
ADAPTERS, RANKS = 8, (16, 64)
PEFT, HOTSWAP = "diffusers, set_adapters", "diffusers, hotswap"


class Row(NamedTuple):
    """Where one of its figures stands in our table."""

    key: str
    what: str
    who: str


SWITCHES = (
    Row("cold", "cold: file to stack", PEFT),
    Row("hotswap cold", "cold: file to stack", HOTSWAP),
    Row("hotswap cached", "tensors cached, stack not built", HOTSWAP),
    Row("flip", "A-B-A flip", PEFT),
    Row("scale", "scale changed only", PEFT),
    Row("same", "same stack again", PEFT),
)


class Answer(msgspec.Struct, frozen=True):
    """What the script prints; milliseconds, one number a round."""

    versions: dict[str, str]
    switch: dict[str, list[float]]
    step: dict[str, dict[str, list[float]]]


def ask(folder: Path) -> Answer:
    """Run the script.

    Raises:
        RivalsUnavailable: it is to be left out, cannot be installed, or failed.
    """
    if os.environ.get("RIVALS") == "0":
        raise RivalsUnavailable("left out by RIVALS=0")
    python = set_up()
    for rank in RANKS:
        for seed in range(ADAPTERS):
            path = folder / f"r{rank}-{seed}.safetensors"
            make_adapter(path, shapes=load_shapes("dev"), rank=rank, seed=seed, blocks=1)
    command = [str(python), str(SCRIPT), str(folder), str(SECONDS)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    except subprocess.TimeoutExpired as error:
        raise RivalsUnavailable(f"it took more than {PATIENCE:g} s") from error
    except subprocess.CalledProcessError as error:
        raise RivalsUnavailable(f"its script failed: {error.stderr.strip().splitlines()[-1]}") from error
    return msgspec.convert(json.loads(done.stdout), Answer)


def show(part: str, what: str, who: str, ms: Sequence[float], against: tuple[str, Sequence[float]] | None) -> None:
    ratio = statistics.median(m / o for m, o in zip(ms, against[1], strict=True)) if against else None
    tell(
        Figure(
            part=part,
            base="directory",
            what=what,
            who=who,
            value=statistics.median(ms),
            ratio=ratio,
            against=against[0] if against else "",
            rounds=len(ms),
        )
    )


def test_diffusers_beside_ours(tmp_path: Path) -> None:
    try:
        answer = ask(tmp_path)
    except RivalsUnavailable as error:
        for row in SWITCHES:
            tell(Missing(part="switch", base="directory", what=row.what, who=row.who, reason=str(error)))
        tell(Missing(part="step", base="directory", what="every count and rank", who=PEFT, reason=str(error)))
        return
    tell(Platform(facts=answer.versions))
    for row in SWITCHES:
        show("switch", row.what, row.who, answer.switch[row.key], None)
    for rank, by_count in answer.step.items():
        none = by_count["0"]
        show("step", "no adapter", f"diffusers, rank {rank} loaded and disabled", none, None)
        for count, ms in by_count.items():
            if count != "0":
                show("step", f"{count} of rank {rank}", PEFT, ms, ("its own step without", none))
