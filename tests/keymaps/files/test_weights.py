"""What a directory of weights is and would hold, from its headers alone."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from kilnmark.keymaps.files.weights import WeightsProblem, read_weights
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.family import Numbers

HALF, PACKED = np.float16, np.uint32
PARTS: dict[str, dict[str, NDArray[np.generic]]] = {
    "transformer": {
        "time_text_embed.guidance_embedder.linear_1.weight": np.zeros((64, 128), HALF),
        "single_transformer_blocks.0.attn.norm_q.weight": np.zeros((10,), HALF),
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
UNGUIDED: dict[str, NDArray[np.generic]] = {
    "time_text_embed.text_embedder.linear_1.weight": np.zeros((64, 128), HALF),
    "single_transformer_blocks.0.attn.norm_q.weight": np.zeros((10,), HALF),
}
MATRICES, OTHERS = 64 * 128 + 2 * 64 * 64, 10 + (4 + 400) * 3 * 3 * 4


def directory(path: Path, **changed: dict[str, NDArray[np.generic]]) -> Path:
    for part, tensors in {**PARTS, **changed}.items():
        (path / part).mkdir()
        save_file(tensors, path / part / "0.safetensors")
    return path


def test_quantizing_packs_matrices_with_a_scale_and_an_offset_for_each_64_numbers() -> None:
    numbers = Numbers(matrices=640, others=7)
    assert numbers.nbytes(None, 2) == 647 * 2
    assert numbers.nbytes(4, 2) == 640 // 2 + (10 + 10 + 7) * 2
    assert numbers.nbytes(8, 4) == 640 + (10 + 10 + 7) * 4


def test_a_directory_declares_the_numbers_it_will_hold_what_encodes_pictures_too(tmp_path: Path) -> None:
    read = read_weights(directory(tmp_path))
    assert read.numbers == Numbers(matrices=MATRICES, others=OTHERS)
    assert read.nbytes(None, 4) == (MATRICES + OTHERS) * 4
    assert read.nbytes(8, 2) == Numbers(matrices=MATRICES, others=OTHERS).nbytes(8, 2)
    (other := tmp_path / "other").mkdir()
    blind = read_weights(directory(other, vae={"decoder.conv.weight": np.zeros((4, 3, 3, 4), HALF)}))
    assert blind.numbers == Numbers(matrices=MATRICES, others=OTHERS - 400 * 3 * 3 * 4)


def test_what_is_stored_packed_stays_so_whatever_is_asked_for(tmp_path: Path) -> None:
    packed: dict[str, NDArray[np.generic]] = {
        "encoder.block.0.layer.weight": np.zeros((64, 16), PACKED),
        "encoder.block.0.layer.scales": np.zeros((64, 1), HALF),
        "encoder.block.0.layer.biases": np.zeros((64, 1), HALF),
    }
    read = read_weights(directory(tmp_path, text_encoder_2=packed))
    expected = 64 * 16 * 4 + (MATRICES - 64 * 64 + OTHERS + 2 * 64) * 2
    assert read.nbytes(None, 2) == read.nbytes(4, 2) == expected


def test_a_directory_is_refused_under_the_name_of_a_variant_that_it_cannot_be(tmp_path: Path) -> None:
    read = read_weights(directory(tmp_path))
    assert read.called("dev") is VARIANTS["dev"]
    assert read.called("krea-dev") is VARIANTS["krea-dev"]
    assert read.called("mine") is VARIANTS["dev"]
    with pytest.raises(WeightsProblem, match=r"has the embedder that reads guidance, so it is no schnell; name it dev"):
        read.called("schnell")


@pytest.mark.parametrize("name", ["standin", "schnell"])
def test_weights_are_not_what_is_made_up_and_not_what_lacks_what_they_have(tmp_path: Path, name: str) -> None:
    read = read_weights(directory(tmp_path))
    assert name not in read.fits
    with pytest.raises(WeightsProblem, match=f"so it is no {name}; name it dev"):
        read.called(name)


def test_one_without_the_embedder_is_schnell(tmp_path: Path) -> None:
    read = read_weights(directory(tmp_path, transformer=UNGUIDED))
    assert (read.variant, read.fits) == (VARIANTS["schnell"], ("schnell",))
    with pytest.raises(
        WeightsProblem, match=r"lacks the embedder that reads guidance, so it is no dev; name it schnell"
    ):
        read.called("dev")


def test_one_without_a_folder_is_refused_by_that(tmp_path: Path) -> None:
    path = directory(tmp_path)
    (path / "text_encoder_2" / "0.safetensors").unlink()
    with pytest.raises(WeightsProblem, match=r"/text_encoder_2 holds no safetensors file; give a whole FLUX\.1"):
        read_weights(path)


def test_one_of_another_model_is_refused_though_it_has_the_folders(tmp_path: Path) -> None:
    other: dict[str, NDArray[np.generic]] = {"joint_blocks.0.x_block.attn.qkv.weight": np.zeros((4, 4), HALF)}
    with pytest.raises(WeightsProblem, match=r"has the folders of FLUX\.1.*, but not the tensors; give a whole"):
        read_weights(directory(tmp_path, transformer=other))


def test_one_with_a_file_that_is_none_is_refused_by_its_name(tmp_path: Path) -> None:
    path = directory(tmp_path)
    (path / "vae" / "1.safetensors").write_bytes(b"no header at all")
    with pytest.raises(WeightsProblem, match=r"vae/1\.safetensors"):
        read_weights(path)


def test_the_fingerprint_follows_names_and_sizes(tmp_path: Path) -> None:
    first, same, other = (tmp_path / name for name in ("first", "same", "other"))
    for path in (first, same, other):
        path.mkdir()
    told = read_weights(directory(first)).fingerprint
    assert read_weights(directory(same)).fingerprint == told
    assert read_weights(directory(other, transformer=UNGUIDED)).fingerprint != told


KREA: dict[str, dict[str, NDArray[np.generic]]] = {
    "transformer": {"txtfusion.projector.weight": np.zeros((1, 12), HALF)},
    "blocks": {"txtfusion.layerwise_blocks.0.attn.wq.weight": np.zeros((64, 64), HALF)},
    "vae": {"decoder.conv.weight": np.zeros((4, 3, 3, 4), HALF)},
    "text_encoder": {"layers.0.mlp.up_proj.weight": np.zeros((64, 64), HALF)},
}
"""A model whose transformer's files may stand beside the folders, and whose text encoder is never packed."""


def beside(path: Path, *names: str, **folders: str) -> Path:
    """Its parts in folders, and its transformer in these files beside them."""
    for part, folder in folders.items():
        (path / folder).mkdir(exist_ok=True)
        save_file(KREA[part], path / folder / f"{part}.safetensors")
    for name in names:
        save_file({**KREA["transformer"], **KREA["blocks"]}, path / name)
    return path


@pytest.mark.parametrize("name", ["turbo.safetensors", "raw.safetensors", "0.safetensors"])
def test_a_part_may_have_its_files_beside_the_folders(tmp_path: Path, name: str) -> None:
    read = read_weights(beside(tmp_path, name, vae="vae", text_encoder="text_encoder"))
    assert (read.variant.name, read.fits) == ("krea-2", ("krea-2", "krea-2-raw"))
    assert [Path(header.path).name for header in read.headers["transformer"]] == [name]


def test_the_first_place_that_has_some_has_them_all(tmp_path: Path) -> None:
    folders = {"transformer": "transformer", "blocks": "transformer", "vae": "vae", "text_encoder": "text_encoder"}
    path = beside(tmp_path, "turbo.safetensors", "other.safetensors", **folders)
    read = read_weights(path)
    assert [Path(header.path).name for header in read.headers["transformer"]] == ["turbo.safetensors"]
    (path / "turbo.safetensors").unlink()
    assert len(read_weights(path).headers["transformer"]) == 2


def test_what_quantizing_leaves_alone_is_declared_as_it_is(tmp_path: Path) -> None:
    read = read_weights(beside(tmp_path, "0.safetensors", vae="vae", text_encoder="text_encoder"))
    assert read.numbers == Numbers(matrices=12 + 64 * 64, others=4 * 3 * 3 * 4 + 64 * 64)
