"""FLUX.1's forward pass in float64 by numpy: the truth that passes in smaller types are measured against.

Written from the model's formulas (Black Forest Labs, 2024; Esser et al., 2024), and of mflux's modules it reads nothing
but weights, eps, and which activation is whose. Nothing of the product computes here.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mlx import nn
from numpy.typing import NDArray

from kilnmark.engine.stack.slots import find_slots
from tests.engine.arrays import as_float64
from tests.engine.small_layer import weight

__all__ = ["Array64", "Inputs64", "forward64"]

Array64 = NDArray[np.float64]
_ERF = np.vectorize(math.erf, otypes=[np.float64])


@dataclass(frozen=True)
class Inputs64:
    """What one forward pass is given.

    Attributes:
        latents: `(rows * columns, 64)`.
        text: `(tokens, in)`, as the context embedder takes it.
        pooled: `(in,)`, as the text embedder takes it.
        sigma: Of the step.
        guidance: Ignored where there is no embedder for it.
        rows: Of tokens.
        columns: The same.
        reference: Latents of a picture of the same size, a layer behind the one whose noise is told; None for none.
    """

    latents: Array64
    text: Array64
    pooled: Array64
    sigma: float
    guidance: float
    rows: int
    columns: int
    reference: Array64 | None = None

    @property
    def pictures(self) -> list[Array64]:
        """The latents of both."""
        return [self.latents] if self.reference is None else [self.latents, self.reference]


def forward64(
    transformer: Transformer, inputs: Inputs64, changes: Mapping[str, Array64] | None = None, *, head_count: int
) -> Array64:
    """The noise, `(rows * columns, 64)`.

    Args:
        transformer: With no stack on it.
        inputs: For it.
        changes: By path, what is added to a layer's weight: `(out, in)`.
        head_count: Of attention.
    """
    return _Pass(transformer, head_count, changes or {}).noise(inputs)


@dataclass
class _Pass:
    transformer: Transformer
    head_count: int
    changes: Mapping[str, Array64]
    slots: Mapping[str, nn.Module] = field(init=False)

    def __post_init__(self) -> None:
        self.slots = {path: slot.linear for path, slot in find_slots(self.transformer).items()}

    def linear(self, path: str, x: Array64) -> Array64:
        layer = self.slots[path]
        whole = weight(layer) + self.changes.get(path, 0.0)
        return np.asarray(x @ whole.T + (as_float64(layer.bias) if "bias" in layer else 0.0))

    def noise(self, inputs: Inputs64) -> Array64:
        told = _silu(self.told(inputs))
        angles = self.angles(len(inputs.text), inputs.rows, inputs.columns, len(inputs.pictures))
        picture = self.linear("x_embedder", np.concatenate(inputs.pictures))
        text = self.linear("context_embedder", inputs.text)
        for number in range(len(self.transformer.transformer_blocks)):
            text, picture = self.joint(f"transformer_blocks.{number}", text, picture, told, angles)
        stream = np.concatenate([text, picture])
        for number in range(len(self.transformer.single_transformer_blocks)):
            stream = self.single(f"single_transformer_blocks.{number}", stream, told, angles)
        scale, shift = np.split(self.linear("norm_out.linear", told), 2)
        painted = stream[len(text) : len(text) + len(inputs.latents)]
        return self.linear("proj_out", _layer_normed(painted) * (1 + scale) + shift)

    def told(self, inputs: Inputs64) -> Array64:
        """Time, guidance and pooled prompt, added up."""
        total = self.embedded("timestep_embedder", _waves(1000 * inputs.sigma))
        total = total + self.embedded("text_embedder", inputs.pooled)
        if self.transformer.time_text_embed.guidance_embedder is not None:
            total = total + self.embedded("guidance_embedder", _waves(1000 * inputs.guidance))
        return total

    def embedded(self, name: str, x: Array64) -> Array64:
        path = f"time_text_embed.{name}"
        return self.linear(f"{path}.linear_2", _silu(self.linear(f"{path}.linear_1", x)))

    def angles(self, text_tokens: int, rows: int, columns: int, layers: int) -> Array64:
        """Of every token and pair of channels."""
        places = [(0, 0, 0)] * text_tokens
        places += [(layer, row, column) for layer in range(layers) for row in range(rows) for column in range(columns)]
        embedder = self.transformer.pos_embed
        speeds = [[embedder.theta ** (-2 * pair / size) for pair in range(size // 2)] for size in embedder.axes_dim]
        return np.array(
            [[place * speed for place, axis in zip(token, speeds, strict=True) for speed in axis] for token in places]
        )

    def joint(
        self, path: str, text: Array64, picture: Array64, told: Array64, angles: Array64
    ) -> tuple[Array64, Array64]:
        by_text = np.split(self.linear(f"{path}.norm1_context.linear", told), 6)
        by_picture = np.split(self.linear(f"{path}.norm1.linear", told), 6)
        names = ("add_q_proj", "add_k_proj", "add_v_proj", "norm_added_q", "norm_added_k")
        of_text = self.queries(f"{path}.attn", names, _layer_normed(text) * (1 + by_text[1]) + by_text[0])
        names = ("to_q", "to_k", "to_v", "norm_q", "norm_k")
        normed = _layer_normed(picture) * (1 + by_picture[1]) + by_picture[0]
        of_picture = self.queries(f"{path}.attn", names, normed)
        made = [np.concatenate(both) for both in zip(of_text, of_picture, strict=True)]
        attended = _attention(made[0], made[1], made[2], angles)
        block = self.transformer.transformer_blocks[int(path.rsplit(".", 1)[-1])]
        text = text + by_text[2] * self.linear(f"{path}.attn.to_add_out", attended[: len(text)])
        picture = picture + by_picture[2] * self.linear(f"{path}.attn.to_out.0", attended[len(text) :])
        return (
            self.fed(f"{path}.ff_context", block.ff_context.activation_function, text, by_text),
            self.fed(f"{path}.ff", block.ff.activation_function, picture, by_picture),
        )

    def fed(self, path: str, activation: object, stream: Array64, by: list[Array64]) -> Array64:
        up = self.linear(f"{path}.linear1", _layer_normed(stream) * (1 + by[4]) + by[3])
        return np.asarray(stream + by[5] * self.linear(f"{path}.linear2", _ACTIVATIONS[activation](up)))

    def single(self, path: str, stream: Array64, told: Array64, angles: Array64) -> Array64:
        shift, scale, gate = np.split(self.linear(f"{path}.norm.linear", told), 3)
        normed = _layer_normed(stream) * (1 + scale) + shift
        made = self.queries(f"{path}.attn", ("to_q", "to_k", "to_v", "norm_q", "norm_k"), normed)
        fed = _gelu_by_tanh(self.linear(f"{path}.proj_mlp", normed))
        both = np.concatenate([_attention(*made, angles), fed], axis=1)
        return np.asarray(stream + gate * self.linear(f"{path}.proj_out", both))

    def queries(self, path: str, names: tuple[str, ...], x: Array64) -> tuple[Array64, Array64, Array64]:
        query, key, value = (
            self.linear(f"{path}.{name}", x).reshape(len(x), self.head_count, -1) for name in names[:3]
        )
        return self.rms_normed(f"{path}.{names[3]}", query), self.rms_normed(f"{path}.{names[4]}", key), value

    def rms_normed(self, path: str, x: Array64) -> Array64:
        norm = self.slots[path]
        return np.asarray(x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + norm.eps) * as_float64(norm.weight))


def _attention(query: Array64, key: Array64, value: Array64, angles: Array64) -> Array64:
    query, key = _rotated(query, angles), _rotated(key, angles)
    scores = np.einsum("qhd,khd->hqk", query, key) / math.sqrt(query.shape[-1])
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    return np.asarray(np.einsum("hqk,khd->qhd", shares, value).reshape(len(query), -1))


def _rotated(x: Array64, angles: Array64) -> Array64:
    """Each pair of channels as a complex number."""
    turned = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)[:, None]
    return np.stack([turned.real, turned.imag], axis=-1).reshape(x.shape)


def _layer_normed(x: Array64) -> Array64:
    return np.asarray((x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-6))


def _waves(time: float) -> Array64:
    angles = time * np.exp(-math.log(10_000) * np.arange(128) / 128)
    return np.concatenate([np.cos(angles), np.sin(angles)])


def _silu(x: Array64) -> Array64:
    return np.asarray(x / (1 + np.exp(-x)))


def _gelu(x: Array64) -> Array64:
    return np.asarray(x * (1 + _ERF(x / math.sqrt(2))) / 2)


def _gelu_by_tanh(x: Array64) -> Array64:
    return np.asarray(x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2)


_ACTIVATIONS: Mapping[object, Callable[[Array64], Array64]] = {
    nn.gelu: _gelu,
    nn.gelu_approx: _gelu_by_tanh,
    nn.relu: lambda x: np.maximum(x, 0.0),
}
