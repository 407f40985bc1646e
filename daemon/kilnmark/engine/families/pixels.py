"""From what a VAE gives to pixels, as mflux rounds them, but where the picture was computed."""

import mlx.core as mx

__all__ = ["pixels_of"]


def pixels_of(colours: mx.array) -> mx.array:
    """The pixels of colours `(1, 3, height, width)` about -1 to 1: `(height, width, 3)` in uint8, lazily.

    Half is rounded to even, in float32.
    """
    shown = mx.clip(colours / 2 + 0.5, 0, 1)[0].transpose(1, 2, 0).astype(mx.float32)
    return mx.round(shown * 255).astype(mx.uint8)
