"""What our forward pass takes from mflux by name: each module and number of it that is read, and nothing else of it."""

import pytest
from mflux.models.common.config.config import Config
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mlx import nn

EMBEDDERS = ("timestep_embedder", "text_embedder", "guidance_embedder")
QUERIES = ("to_q", "to_k", "to_v")
LINEARS = {
    "": ("x_embedder", "context_embedder", "norm_out.linear", "proj_out"),
    "time_text_embed": tuple(f"{name}.linear_{place}" for name in EMBEDDERS for place in (1, 2)),
    "transformer_blocks.0": ("norm1.linear", "norm1_context.linear"),
    "transformer_blocks.0.attn": (*QUERIES, "add_q_proj", "add_k_proj", "add_v_proj", "to_out.0", "to_add_out"),
    "transformer_blocks.0.ff": ("linear1", "linear2"),
    "transformer_blocks.0.ff_context": ("linear1", "linear2"),
    "single_transformer_blocks.0": ("norm.linear", "proj_mlp", "proj_out"),
    "single_transformer_blocks.0.attn": QUERIES,
}
NORMS = {
    "transformer_blocks.0.attn": ("norm_q", "norm_k", "norm_added_q", "norm_added_k"),
    "single_transformer_blocks.0.attn": ("norm_q", "norm_k"),
}


@pytest.fixture(scope="module")
def transformer() -> Transformer:
    return Transformer(ModelConfig.dev(), 1, 1)


def modules(transformer: Transformer, kind: type[nn.Module]) -> set[str]:
    return {path for path, module in transformer.named_modules() if isinstance(module, kind)}


def named(table: dict[str, tuple[str, ...]]) -> set[str]:
    return {f"{prefix}.{name}".lstrip(".") for prefix, names in table.items() for name in names}


def test_its_linear_layers_and_norms_with_scales_are_those_that_we_run(transformer: Transformer) -> None:
    assert modules(transformer, nn.Linear) == named(LINEARS)
    assert modules(transformer, nn.RMSNorm) == named(NORMS)


def test_its_layer_norms_have_no_scales_and_the_eps_that_we_take(transformer: Transformer) -> None:
    norms = [module for _, module in transformer.named_modules() if isinstance(module, nn.LayerNorm)]
    assert len(norms) == 2 + 2 + 1 + 1
    assert {norm.eps for norm in norms} == {1e-6}
    assert not any("weight" in norm or "bias" in norm for norm in norms)


def test_it_turns_heads_of_128_over_three_axes(transformer: Transformer) -> None:
    assert transformer.pos_embed.axes_dim == [16, 56, 56]
    assert transformer.pos_embed.theta == 10_000
    for block in (transformer.transformer_blocks[0], transformer.single_transformer_blocks[0]):
        assert (block.attn.num_heads, block.attn.head_dimension) == (24, 128)


def test_only_a_variant_that_takes_guidance_has_an_embedder_for_it(transformer: Transformer) -> None:
    assert transformer.time_text_embed.guidance_embedder is not None
    assert Transformer(ModelConfig.schnell(), 1, 1).time_text_embed.guidance_embedder is None


def test_activations_are_attributes_of_feed_forwards(transformer: Transformer) -> None:
    block = transformer.transformer_blocks[0]
    assert block.ff.activation_function is nn.gelu
    assert block.ff_context.activation_function is nn.gelu_approx


def test_a_schedule_has_the_noise_of_every_step_and_of_the_end() -> None:
    config = Config(model_config=ModelConfig.dev(), num_inference_steps=3, height=64, width=96)
    sigmas = config.scheduler.sigmas.tolist()
    assert len(sigmas) == 4
    assert sigmas[0] == 1.0
    assert sigmas[-1] == 0.0
    assert sigmas == sorted(sigmas, reverse=True)
    assert config.num_train_steps == 1000
