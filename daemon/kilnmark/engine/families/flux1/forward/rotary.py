"""Where tokens stand, turned into their queries and keys: rotary embedding over three axes (Su et al., 2021).

Each pair of neighbouring channels is turned by an angle that grows with the token's place. Text tokens all stand at
0; a token of the picture stands at its row and column, and so does one of a reference picture, a layer further.
"""

from typing import NamedTuple

import mlx.core as mx
import numpy as np
from mflux.models.flux.model.flux_transformer.embed_nd import EmbedND
from numpy.typing import NDArray

__all__ = ["Turning", "rotated", "turn_of"]


class Turning(NamedTuple):
    """By what each token's channels are turned: both `(tokens, 1, head size / 2, 2)`, float32.

    Attributes:
        own: What a channel keeps of itself, the cosine.
        other: What it takes of its pair's other one: the sine, negative for the first of a pair.
    """

    own: mx.array
    other: mx.array


def turn_of(embedder: EmbedND, text_tokens: int, rows: int, columns: int, layers: int = 1) -> Turning:
    """Of the text's tokens, and then of those of a picture row by row; angles are taken in float64, on the host.

    Args:
        embedder: mflux's own, for how many channels an axis has, and `theta`.
        text_tokens: How many.
        rows: Of the picture's tokens, of 16 pixels each.
        columns: The same.
        layers: Of pictures of that size, the one that is painted and those behind it.
    """
    places = np.zeros((text_tokens + layers * rows * columns, 3))
    places[text_tokens:] = [
        (layer, row, column) for layer in range(layers) for row in range(rows) for column in range(columns)
    ]
    speeds = [_speeds(size, embedder.theta) for size in embedder.axes_dim]
    angles = np.concatenate([np.outer(places[:, axis], each) for axis, each in enumerate(speeds)], axis=1)
    cosine, sine = np.cos(angles), np.sin(angles)
    own, other = np.stack([cosine, cosine], axis=-1), np.stack([-sine, sine], axis=-1)
    return Turning(*(mx.array(each.astype(np.float32)[:, None]) for each in (own, other)))


def _speeds(size: int, theta: float) -> NDArray[np.float64]:
    """Angle a place, for each pair of an axis's channels: `(size / 2,)`."""
    return np.asarray(theta ** (-np.arange(0, size, 2) / size))


def rotated(x: mx.array, turn: Turning) -> mx.array:
    """Turning `(1, tokens, heads, head size)`; float32 in and out."""
    pairs = x.reshape(*x.shape[:-1], -1, 2)
    return (pairs * turn.own + pairs[..., ::-1] * turn.other).reshape(x.shape)
