"""Blocks of mflux with RELU where they have an activation that a CPU computes one number at a time.

With GELU most of a step, and most of what a prompt's letters cost, would be its error function. Only the standin has
these, whose pictures mean nothing; who computes a block's layers by itself asks `activation_of` which one it has.
"""

from collections.abc import Callable

import mlx.core as mx
from mflux.models.flux.model.flux_text_encoder.clip_encoder.clip_mlp import CLIPMLP
from mflux.models.flux.model.flux_text_encoder.t5_encoder.t5_dense_relu_dense import T5DenseReluDense
from mflux.models.flux.model.flux_transformer.single_transformer_block import SingleTransformerBlock
from mflux.models.flux.variants.txt2img.flux import Flux1
from mlx import nn

__all__ = ["activation_of", "quicken"]


def quicken(flux: Flux1) -> None:
    """Put them in place of mflux's own, before these have their values."""
    transformer = flux.transformer
    for block in transformer.transformer_blocks:
        block.ff.activation_function = block.ff_context.activation_function = nn.relu
    blocks = transformer.single_transformer_blocks
    transformer.single_transformer_blocks = [_SingleBlock(place) for place, _ in enumerate(blocks)]
    for block in flux.t5_text_encoder.t5_blocks:
        block.ff.DenseReluDense = _T5Dense()
    for layer in flux.clip_text_encoder.text_model.encoder.layers:
        layer.mlp = _ClipMlp()


def activation_of(block: SingleTransformerBlock | T5DenseReluDense) -> Callable[[mx.array], mx.array]:
    """What stands between the layers of one of these, or of mflux's own."""
    return nn.relu if isinstance(block, _SingleBlock | _T5Dense) else nn.gelu_approx


class _SingleBlock(SingleTransformerBlock):  # type: ignore[misc]  # mflux has no types
    def _apply_feed_forward_and_projection(
        self, norm_hidden_states: mx.array, attn_output: mx.array, gate: mx.array
    ) -> mx.array:
        hidden = mx.concatenate([attn_output, nn.relu(self.proj_mlp(norm_hidden_states))], axis=2)
        projected: mx.array = mx.expand_dims(gate, axis=1) * self.proj_out(hidden)
        return projected


class _T5Dense(T5DenseReluDense):  # type: ignore[misc]  # mflux has no types
    def __call__(self, hidden_states: mx.array) -> mx.array:
        given: mx.array = self.wo(nn.relu(self.wi_0(hidden_states)) * self.wi_1(hidden_states))
        return given


class _ClipMlp(CLIPMLP):  # type: ignore[misc]  # mflux has no types
    def __call__(self, hidden_states: mx.array) -> mx.array:
        given: mx.array = self.fc2(nn.relu(self.fc1(hidden_states)))
        return given
