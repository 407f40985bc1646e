"""Latents of pictures that are there already, where latents stand in a picture, and where a step of them leads.

Alike for all families by mflux's classes.
"""

from typing import Any

import mlx.core as mx
from mflux.models.common.latent_creator.latent_creator import LatentCreator
from PIL import Image

from kilnmark.engine.families.family import Pixels

__all__ = ["packed_by", "spread", "straight_end"]


def packed_by(creator: Any, vae: Any, pixels: Pixels) -> mx.array:
    """The latents of a picture without any noise, lazily, in the shape that a creator of mflux's packs them to."""
    height, width = pixels.shape[:2]
    encoded = LatentCreator.encode_image(vae=vae, image_path=Image.fromarray(pixels), height=height, width=width)
    packed: mx.array = creator.pack_latents(encoded, height, width)
    return packed


def spread(latents: mx.array) -> mx.array:
    """Latents `(1, channels, rows, columns)`, or with one time before the rows, as `(rows, columns, channels)`."""
    *_, rows, columns = latents.shape
    return latents.reshape(-1, rows, columns).transpose(1, 2, 0)


def straight_end(before: mx.array, after: mx.array, sigmas: mx.array, step: int) -> mx.array:
    """Where the line through two points leads once no noise is left, lazily.

    A flow is taught the straight line from noise to picture, so that a step along it tells roughly where it ends.

    Args:
        before: The latents that a step began with.
        after: Those that it ended with.
        sigmas: The noise level before each step of the loop, and after the last; `(steps + 1,)` or `(steps,)`.
        step: Which, from 0.
    """
    begun = sigmas[step].astype(mx.float32)
    ended = sigmas[step + 1].astype(mx.float32) if step + 1 < len(sigmas) else mx.array(0.0)
    return after - (before - after).astype(mx.float32) * (ended / (begun - ended))
