"""Datasets for tests: pictures that differ, as small as they may be, with captions beside them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.lab.dataset.findings import Code
from kilnmark.lab.dataset.preflight import ExaminedDataset, Lesson, examine
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import DatasetPlan, LoraKind, RunPlan, TrainingPlan

SIDE = 64
TRIGGER = "zxink"


def picture(seed: int, size: tuple[int, int] = (SIDE, SIDE)) -> Image.Image:
    """One that looks like no other: coloured fields, by a seed."""
    fields = np.random.default_rng(seed).integers(40, 216, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(fields).resize(size, Image.Resampling.BICUBIC)


def dataset(folder: Path, count: int = 12, caption: str | None = TRIGGER) -> Path:
    """A folder of `a00.png`, ... of two sources, each with a caption."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        name = f"{'abc'[number % 3]}{number:02}"
        picture(number).save(folder / f"{name}.png", compress_level=1)
        if caption is not None:
            (folder / f"{name}.txt").write_text(caption)
    return folder


def looked(
    folder: Path, kind: LoraKind = "style", trigger: str = TRIGGER, base: str = "mini", **asked: object
) -> ExaminedDataset:
    """A preflight of it, which few pictures are enough for."""
    plan = DatasetPlan.model_validate({"path": str(folder), "size": SIDE, "pairs": 8, **asked})
    return examine(folder, plan, Lesson(kind, trigger, base), counter=TokenCounter(env={"HF_HOME": "/nonexistent"}))


def small_run(folder: Path, count: int = 9, base: str = "mini", trainer: str = "mflux") -> Path:
    """A run, `ink`, beside its dataset, `set`."""
    dataset(folder / "set", count)
    asked, training = DatasetPlan(path="../set", size=SIDE, pairs=8), TrainingPlan(trainer=trainer)
    plan = RunPlan(name="ink", kind="style", trigger=TRIGGER, base=base, dataset=asked, training=training)
    new_run(folder / "ink", plan)
    return folder / "ink"


def codes(examined: ExaminedDataset) -> set[Code]:
    """What was found."""
    return {finding.code for finding in examined.report.findings}


def files_of(examined: ExaminedDataset, code: Code) -> tuple[str, ...]:
    """Where it was found."""
    (finding,) = (finding for finding in examined.report.findings if finding.code is code)
    return finding.files


def everything(folder: Path) -> Mapping[str, tuple[str, int]]:
    """Every file below a folder, with its hash and its time."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(p): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in paths}
