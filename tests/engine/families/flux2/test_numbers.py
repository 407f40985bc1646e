"""What the catalog's row declares of FLUX.2-klein's memory, against what mflux builds and what is held of it."""

import mlx.core as mx
import pytest
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder
from mflux.models.flux2.model.flux2_transformer.transformer import Flux2Transformer
from mflux.models.flux2.model.flux2_vae.vae import Flux2VAE
from mlx import nn
from mlx.utils import tree_flatten

from kilnmark.engine.families.flux2.model import Flux2Model
from kilnmark.engine.families.flux2.parts import klein_of
from kilnmark.protocol.picture.catalog import VARIANTS

CONFIGS = {
    "flux2-klein-4b": ModelConfig.flux2_klein_4b,
    "flux2-klein-9b": ModelConfig.flux2_klein_9b,
    "flux2-klein-base-4b": ModelConfig.flux2_klein_base_4b,
    "flux2-klein-base-9b": ModelConfig.flux2_klein_base_9b,
}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_table_counts_what_is_held_of_what_mflux_builds(name: str) -> None:
    config = CONFIGS[name]()
    encoder = Qwen3TextEncoder(**config.text_encoder_overrides)
    klein = klein_of(config, Flux2Transformer(**config.transformer_overrides), encoder, Flux2VAE(), {})
    matrices, total = counted(Flux2Model(klein, "", guided=False).held)
    assert VARIANTS[name].numbers.matrices == matrices
    assert VARIANTS[name].numbers.others == total - matrices


def counted(models: list[nn.Module]) -> tuple[int, int]:
    """The numbers that quantizing packs, and all."""
    arrays: dict[str, mx.array] = {}
    tree_flatten([model.parameters() for model in models], destination=arrays)
    packed = [module for model in models for module in model.modules() if hasattr(module, "to_quantized")]
    return sum(module.weight.size for module in packed), sum(array.size for array in arrays.values())
