"""Runs with checkpoints that a fake daemon can be asked to paint, and cells as a sweep would have measured them."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.lab.measures.measure import Picture, read_picture
from kilnmark.lab.run.folder import Run, open_run
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import DatasetPlan, Prompt, RunPlan, SweepPlan
from kilnmark.lab.run.state import Checkpoint
from kilnmark.lab.sweep.bars import read_bars
from kilnmark.lab.sweep.cells import Cell, plan_cells
from kilnmark.lab.sweep.conclude import Swept
from kilnmark.lab.sweep.ledger import CellLedger, CellRecord
from kilnmark.lab.sweep.numbers import Taught, measure_cell
from tests.lab.measures.scenes import hatched, scene

__all__ = ["PROMPTS", "chance", "dataset", "make_swept_run", "painted", "save"]

PROMPTS = (
    Prompt(role="familiar", text="inkwash, a mill"),
    Prompt(role="novel", text="inkwash, a whale", questions=("Is there one whale?",)),
    Prompt(role="control", text="a mill"),
)


def save(picture: Picture, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
    return path


def dataset(folder: Path, count: int = 6) -> Path:
    """Hatched scenes."""
    for seed in range(count):
        save(hatched(scene(100 + seed, 64)), folder / f"{seed}.png")
    return folder


def make_swept_run(folder: Path, steps: tuple[int, ...] = (200, 400), **sweep: Any) -> Path:
    """A run with checkpoints, each of another seed, and a dataset beside it."""
    chosen: dict[str, Any] = {"seeds": (1,), "prompts": PROMPTS, "width": 64, "height": 64} | sweep
    plan = RunPlan(
        name="inkwash",
        kind="style",
        trigger="inkwash",
        base="standin",
        dataset=DatasetPlan(path="../set", size=64),
        sweep=SweepPlan(**chosen),
    )
    new_run(folder, plan)
    with open_run(folder) as run:
        run.change(checkpoints=tuple(_checkpoint(run, step) for step in steps))
    return folder


def _checkpoint(run: Run, step: int) -> Checkpoint:
    path = make_adapter(run.checkpoints / f"{step:07d}.safetensors", rank=1, blocks=1, seed=step)
    return Checkpoint(
        step=step,
        file=run.relative(Path(path)),
        sha256=hashlib.sha256(Path(path).read_bytes()).hexdigest(),
        origin="trained",
        verdict="engaged",
        matched_key_count=1,
        total_key_count=1,
    )


def chance(seed: int, side: int = 64) -> Picture:
    """Nothing but noise."""
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def painted(run: Run, paint: Callable[[Cell], Picture]) -> Swept:
    """The cells of a run as if a daemon had painted them, measured."""
    cells, ledger, taught = plan_cells(run.plan, run.state.checkpoints), CellLedger(run.cells), Taught(run.dataset)
    for cell in cells:
        picture = paint(cell)
        save(picture, ledger.place(cell.name))
        bare = None if cell.checkpoint is None else read_picture(ledger.place(cell.bare))
        ledger.write(
            CellRecord(
                name=cell.name,
                step=cell.checkpoint.step if cell.checkpoint else None,
                sha256=cell.checkpoint.sha256 if cell.checkpoint else "",
                scale=cell.scale,
                role=cell.prompt.role,
                prompt=cell.prompt.text,
                seed=cell.seed,
                status="done",
                inputs=cell.inputs,
                width=picture.shape[1],
                height=picture.shape[0],
                numbers=measure_cell(picture, bare, taught),
            )
        )
    return Swept(cells, ledger, taught, read_bars(run.plan.kind, run.plan.sweep.bars))
