"""The standins of families, each built once a process, and pictures painted on them without a daemon."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from opentelemetry.trace import NoOpTracer

from kilnmark.engine.families.base import PREDICTED_PROMPT, Base, load_base
from kilnmark.engine.families.family import Previewable
from kilnmark.engine.families.library.model import LibraryModel
from kilnmark.engine.run.render import Renderer
from kilnmark.engine.run.saver import Painting
from kilnmark.engine.stack.store import AdapterStore
from kilnmark.protocol.picture.spec import NUMBERS, PictureSize, PictureSpec
from kilnmark.protocol.wire.replies import StackInfo
from kilnmark.protocol.wire.work import Failed, RenderCommand
from tests.engine.short import shorten

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first

__all__ = [
    "PROMPT",
    "Followed",
    "picture",
    "placed_at",
    "read_tensors",
    "render",
    "short_standin",
    "standin",
    "uncompiled",
]

SIDE = 32

PROMPT = PREDICTED_PROMPT
"""That of a probe, so that a base which is probed and painted on encodes one: most of what a small one does."""


@cache
def standin(name: str) -> Base:
    """It; whoever puts something on it takes it off again."""
    return load_base(name, None)


def picture(base: Base, **more: object) -> PictureSpec:
    """Of the variant's own numbers but small, in two steps."""
    usual = {name: getattr(base.variant, name) for name in NUMBERS}
    said = {"prompt": PROMPT, "negative_prompt": None, "seed": 1, "steps": 2, "width": SIDE, "height": SIDE}
    return PictureSpec(**{**usual, **said, **more}, variant=base.info.variant)


@cache
def short_standin(name: str) -> Base:
    """The same with the first few of its blocks, which it shares, for what these show as well as all of them."""
    whole = standin(name)
    assert isinstance(whole.model, LibraryModel)
    model = copy(whole.model)
    model.made = copy(whole.model.made)
    model.made.transformer = copy(whole.model.made.transformer)
    shorten(model.made.transformer)
    return Base(model, whole.variant, whole.info)


@contextmanager
def uncompiled() -> Iterator[None]:
    """Mflux without `mx.compile`, whose kernels a C++ compiler makes for a minute on a CPU; elsewhere it may round."""
    mx.disable_compile()
    try:
        yield
    finally:
        mx.enable_compile()


@dataclass
class Followed:
    """Writes down what it is told; stops at a step if it is to."""

    stop_at: int | None = None
    told: list[object] = field(default_factory=list)

    def stepped(self, done: int) -> None:
        if done == self.stop_at:
            raise InterruptedError
        self.told.append(done)

    def denoised(self, latents: mx.array) -> None:
        self.told.append(tuple(latents.shape))


def read_tensors(file: Path) -> dict[str, mx.array]:
    """Those of a file, read at once, so that it can be written over."""
    tensors = mx.load(str(file))
    assert isinstance(tensors, dict)
    mx.eval(tensors)
    return tensors


def render(base: Base, *files: Path, scales: Sequence[float] = ()) -> Painting | Failed:
    """One picture of one step with a stack, judged as in a worker; whatever was on the base is off afterwards."""
    renderer = Renderer(
        base,
        store=AdapterStore([file.parent for file in files]),
        tracer=NoOpTracer(),
        tell=lambda _: None,
        is_cancelled=lambda _: False,
    )
    spec = picture(base, steps=1)
    job = RenderCommand(
        **{name: getattr(spec, name) for name in PictureSpec.__struct_fields__},
        job_id="job",
        tier=None,
        lora_names=[file.stem for file in files],
        lora_paths=[str(file) for file in files],
        lora_scales=list(scales) or [1.0] * len(files),
        stack=StackInfo(source="paths", names=tuple(file.stem for file in files)),
        on_mismatch="error",
    )
    try:
        return renderer.render(job)
    finally:
        base.stacker.switch([])


def placed_at(base: Base) -> tuple[int, int]:
    """Where, of 2 rows and 3 columns, the latents of a grey picture change most when its last upper part is white."""
    model, size = base.model, PictureSize(96, 64)
    assert isinstance(model, Previewable)
    grey = np.full((64, 96, 3), 128, np.uint8)
    other = grey.copy()
    other[:32, 64:] = 255
    was, now = (np.array(model.grid(model.clean_latents(each), size).astype(mx.float32)) for each in (grey, other))
    rows, columns, channels = was.shape
    parts = np.abs(now - was).reshape(2, rows // 2, 3, columns // 3, channels).sum((1, 3, 4))
    row, column = divmod(int(parts.argmax()), 3)
    return row, column
