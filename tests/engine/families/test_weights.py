"""What weights declare of their memory, from headers and tables alone, against what mflux builds."""

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux.model.flux_text_encoder.clip_encoder.clip_encoder import CLIPEncoder
from mflux.models.flux.model.flux_text_encoder.t5_encoder.t5_encoder import T5Encoder
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mflux.models.flux.model.flux_vae.vae import VAE
from mlx import nn
from mlx.utils import tree_flatten
from numpy.typing import NDArray
from safetensors.numpy import save_file

from kilnmark.engine.families.flux1 import Base
from kilnmark.engine.families.weights import WeightsProblem, read_directory
from kilnmark.engine.stack.slots import children
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.family import Numbers

CONFIGS = {"dev": ModelConfig.dev, "krea-dev": ModelConfig.krea_dev, "schnell": ModelConfig.schnell}
HALF, PACKED = np.float16, np.uint32
PARTS: dict[str, dict[str, NDArray[np.generic]]] = {
    "transformer": {
        "time_text_embed.guidance_embedder.linear_1.weight": np.zeros((64, 128), HALF),
        "norm.weight": np.zeros((10,), HALF),
    },
    "vae": {
        "decoder.conv.weight": np.zeros((4, 3, 3, 4), HALF),
        "encoder.conv.weight": np.zeros((400, 3, 3, 4), HALF),
    },
    "text_encoder": {
        "text_model.encoder.layers.0.fc.weight": np.zeros((64, 64), HALF),
        "text_model.position_ids": np.zeros((77,), np.int64),
    },
    "text_encoder_2": {"encoder.block.0.layer.weight": np.zeros((64, 64), np.float32)},
}
MATRICES, OTHERS = 64 * 128 + 2 * 64 * 64, 10 + 4 * 3 * 3 * 4


def directory(path: Path, **changed: dict[str, NDArray[np.generic]]) -> Path:
    for part, tensors in {**PARTS, **changed}.items():
        (path / part).mkdir()
        save_file(tensors, path / part / "0.safetensors")
    return path


@pytest.mark.parametrize("name", CONFIGS)
def test_the_table_counts_what_mflux_builds(name: str) -> None:
    models: list[nn.Module] = [Transformer(CONFIGS[name]()), T5Encoder(), CLIPEncoder(), VAE().decoder]
    matrices = sum(
        module.weight.size for model in models for *_, module in children(model) if hasattr(module, "to_quantized")
    )
    arrays: dict[str, mx.array] = {}
    for number, model in enumerate(models):
        tree_flatten(model.parameters(), prefix=f".{number}", destination=arrays)
    assert VARIANTS[name].numbers.matrices == matrices
    assert VARIANTS[name].numbers.others == sum(array.size for array in arrays.values()) - matrices


def test_the_table_counts_what_the_standin_takes(base: Base) -> None:
    declared = VARIANTS["standin"].numbers.nbytes(None, 4)
    assert declared == pytest.approx(base.info.memory_bytes, rel=0.01)


def test_quantizing_packs_matrices_with_a_scale_and_an_offset_for_each_64_numbers() -> None:
    numbers = Numbers(matrices=640, others=7)
    assert numbers.nbytes(None, 2) == 647 * 2
    assert numbers.nbytes(4, 2) == 640 // 2 + (10 + 10 + 7) * 2
    assert numbers.nbytes(8, 4) == 640 + (10 + 10 + 7) * 4


def test_a_directory_declares_the_numbers_it_will_hold_and_not_the_encoder_of_its_vae(tmp_path: Path) -> None:
    read = read_directory(directory(tmp_path))
    assert read.numbers == Numbers(matrices=MATRICES, others=OTHERS)
    assert read.nbytes(None, 4) == (MATRICES + OTHERS) * 4
    assert read.nbytes(8, 2) == Numbers(matrices=MATRICES, others=OTHERS).nbytes(8, 2)


def test_what_is_stored_packed_stays_so_whatever_is_asked_for(tmp_path: Path) -> None:
    packed: dict[str, NDArray[np.generic]] = {
        "encoder.block.0.layer.weight": np.zeros((64, 16), PACKED),
        "encoder.block.0.layer.scales": np.zeros((64, 1), HALF),
        "encoder.block.0.layer.biases": np.zeros((64, 1), HALF),
    }
    read = read_directory(directory(tmp_path, text_encoder_2=packed))
    expected = 64 * 16 * 4 + (MATRICES - 64 * 64 + OTHERS + 2 * 64) * 2
    assert read.nbytes(None, 2) == read.nbytes(4, 2) == expected


def test_a_directory_is_refused_under_the_name_of_a_variant_that_it_cannot_be(tmp_path: Path) -> None:
    read = read_directory(directory(tmp_path))
    read.check_name("dev")
    read.check_name("mine")
    with pytest.raises(WeightsProblem, match=r"has the embedder that reads guidance, so it is no schnell; name it dev"):
        read.check_name("schnell")
