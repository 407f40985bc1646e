"""The worker's own renderer without worker, socket or queue: one picture after the other, in this process.

When the engine's way of painting and saving changes, it changes here.
"""

import contextlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

from opentelemetry.trace import NoOpTracer

from kilnmark.engine.families.base import Base
from kilnmark.engine.run.render import Renderer
from kilnmark.engine.run.saver import Painting, finish
from kilnmark.engine.stack.store import AdapterStore
from kilnmark.keymaps.files.outputs import OutputFolder
from kilnmark.protocol.wire.replies import StackInfo
from kilnmark.protocol.wire.work import Finished, RenderCommand

__all__ = ["BareLoop"]


class BareLoop:
    """Renders on one base, straight.

    Args:
        base: With no stack on it.
        folder: Where pictures go.
    """

    def __init__(self, base: Base, folder: Path) -> None:
        self._count = 0
        self._folder = folder
        self._variant = base.info.variant
        self._renderer = Renderer(
            base,
            store=AdapterStore([Path("/")]),
            tracer=NoOpTracer(),
            tell=lambda _: None,
            is_cancelled=lambda _: False,
        )

    def paint(
        self, prompt: str, seed: int, steps: int, side: int, paths: Sequence[Path] = (), scale: float = 1.0
    ) -> Path:
        """One picture of `side` x `side` pixels, saved with its record."""
        self._count += 1
        job = RenderCommand(
            job_id=f"bare-{os.getpid()}-{self._count}",
            variant=self._variant,
            prompt=prompt,
            negative_prompt=None,
            tier=None,
            seed=seed,
            steps=steps,
            guidance=3.5,
            width=side,
            height=side,
            lora_names=[path.stem for path in paths],
            lora_paths=[str(path) for path in paths],
            lora_scales=[scale] * len(paths),
            stack=StackInfo(source="paths" if paths else "none"),
            on_mismatch="error",
        )
        with contextlib.redirect_stderr(io.StringIO()):
            painting = self._renderer.render(job)
            assert isinstance(painting, Painting), painting
            outcome = finish(painting, OutputFolder(self._folder))
        assert isinstance(outcome, Finished), outcome
        return Path(outcome.image_path)
