"""Previews of renders under way: when one is made, what it costs, and that none ever does a render harm.

How latents become colours is `colour_map`'s part.
"""

import io
import logging
import time
from collections.abc import Callable

import mlx.core as mx
from PIL import Image

from kilnmark.engine.families.base import Base
from kilnmark.engine.families.family import Previewable
from kilnmark.engine.run.colour_map import ColourMap
from kilnmark.protocol.picture.spec import PictureSize
from kilnmark.protocol.wire.asides import Previewed
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["SHARE", "Previews"]

SHARE = 0.01
"""Of the time of a render, at most, that its previews may take; fitting, once for a base, aside."""

SMALLEST_SIDE = 128
"""Pixels of a preview's longer side at least: a smaller picture is made larger, since a JPEG blurs colours."""

_QUALITY = 80

log = logging.getLogger(__name__)


class Previews:
    """Makes previews of what is painted on one base.

    Args:
        base: That one.
        tell: Called with each preview.
        is_wanted: Whether anybody looks; asked after every step.
        clock: Tells the time in seconds.
    """

    def __init__(
        self,
        base: Base,
        tell: Callable[[Previewed], None],
        is_wanted: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base = base
        self._tell = tell
        self._is_wanted = is_wanted
        self._clock = clock
        self._colours: ColourMap | None = None
        self._next = 0.0
        self._never = False

    @property
    def is_due(self) -> bool:
        """Somebody looks, and the last one is long enough ago for what it took."""
        return self._is_wanted() and not self._never and self._clock() >= self._next

    def show(self, job: RenderCommand, step: int, latents: mx.array) -> None:
        """Tell of a preview. Never raises: a base that previews cannot be made of has none, and the log says why.

        Args:
            job: What is painted.
            step: Denoise steps done.
            latents: What the picture seems to come to, as its family's loop has it.
        """
        try:
            colours = self._colours = self._colours or self._fitted()
            if colours is None:
                return
            began = self._clock()
            jpeg = _jpeg(colours.picture(latents, PictureSize(job.width, job.height)))
            self._tell(Previewed(job_id=job.job_id, step=step, steps=job.steps, jpeg=jpeg))
            now = self._clock()
            self._next = now + (now - began) / SHARE
        except Exception:  # MLX and mflux raise what they like; the picture is painted all the same
            self._never = True
            log.exception("no previews of %s: one could not be made", self._base.info.variant)

    def _fitted(self) -> ColourMap | None:
        model = self._base.model
        if isinstance(model, Previewable) and model.sees:
            return ColourMap.fitted(model)
        self._never = True
        log.info("no previews of %s: it holds nothing that encodes pictures", self._base.info.variant)
        return None


def _jpeg(small: Image.Image) -> bytes:
    enlarged = max(1.0, SMALLEST_SIDE / max(small.size))
    width, height = (round(side * enlarged) for side in small.size)
    file = io.BytesIO()
    small.resize((width, height), Image.Resampling.BICUBIC).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
