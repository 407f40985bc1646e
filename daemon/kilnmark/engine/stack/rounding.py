"""Sums brought to half precision such that what is far below half a step of its numbers still arrives, on average.

Rounding to the nearest would lose it wholly where one summand lies on the grid already: a base's output is made of
such numbers. Everything is integer arithmetic on the bits, so that any device gives the same bytes for the same sum.
"""

import math

import mlx.core as mx

__all__ = ["settled"]

_DROPPED = {mx.bfloat16: 16, mx.float16: 13}
"""Of the 23 bits that float32 has after the leading one, those that a type has not."""

_TOKENS, _CHANNELS = 3242174889, 2447445415
"""2^32 over the plastic number and over its square: the steps of a lattice whose points are spread most evenly over
the unit interval along either axis (M. Roberts, "The unreasonable effectiveness of quasirandom sequences", 2018)."""


def settled(total: mx.array, dtype: mx.Dtype) -> mx.array:
    """Round a sum up or down to a number of `dtype`, up as often as it is far from the lower one.

    Which way is decided by the place, `(token, channel)`, alone: a lattice of thresholds that any few neighbours have
    evenly. What `dtype` has already stays as it is, infinity and NaN too; the mean error over places is zero; and the
    root mean square of the error is at most half a step, where rounding to the nearest has 0.29 of one.

    Args:
        total: `(..., channels)`, float32.
        dtype: Float32, which changes nothing, or a type of half precision.
    """
    if dtype not in _DROPPED:
        return total.astype(dtype)
    dropped = _DROPPED[dtype]
    bits = total.astype(mx.float32).view(mx.uint32)
    raised = bits + (_thresholds(total.shape) >> (32 - dropped))
    kept = ((raised >> dropped) << dropped).view(mx.float32)
    return mx.where(mx.isfinite(total), kept, total).astype(dtype)


def _thresholds(shape: tuple[int, ...]) -> mx.array:
    """Of every place, from 0 to 2^32: `shape`, or what broadcasts to it."""
    *lead, width = shape
    tokens = mx.arange(math.prod(lead), dtype=mx.uint32).reshape(*lead, 1)
    return tokens * mx.array(_TOKENS, mx.uint32) + mx.arange(width, dtype=mx.uint32) * mx.array(_CHANNELS, mx.uint32)
