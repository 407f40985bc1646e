"""What the catalog's row declares of FLUX.1's memory, against what mflux builds."""

import mlx.core as mx
import pytest
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux.model.flux_text_encoder.clip_encoder.clip_encoder import CLIPEncoder
from mflux.models.flux.model.flux_text_encoder.t5_encoder.t5_encoder import T5Encoder
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mflux.models.flux.model.flux_vae.vae import VAE
from mlx import nn
from mlx.utils import tree_flatten

from kilnmark.engine.compute import precision
from kilnmark.engine.families.base import Base
from kilnmark.engine.stack.slots import children
from kilnmark.protocol.picture.catalog import VARIANTS

CONFIGS = {
    "dev": ModelConfig.dev,
    "krea-dev": ModelConfig.krea_dev,
    "kontext-dev": ModelConfig.dev_kontext,
    "schnell": ModelConfig.schnell,
}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_table_counts_what_mflux_builds(name: str) -> None:
    models: list[nn.Module] = [Transformer(CONFIGS[name]()), T5Encoder(), CLIPEncoder(), VAE()]
    matrices = sum(
        module.weight.size for model in models for *_, module in children(model) if hasattr(module, "to_quantized")
    )
    arrays: dict[str, mx.array] = {}
    for number, model in enumerate(models):
        tree_flatten(model.parameters(), prefix=f".{number}", destination=arrays)
    assert VARIANTS[name].numbers.matrices == matrices
    assert VARIANTS[name].numbers.others == sum(array.size for array in arrays.values()) - matrices


def test_the_table_counts_what_the_standin_takes(base: Base) -> None:
    declared = VARIANTS["standin"].numbers.nbytes(None, precision().size)
    assert declared == pytest.approx(base.info.memory_bytes, rel=0.01)
