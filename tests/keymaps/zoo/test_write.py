"""The makers of adapters: same arguments same bytes, and never half a file."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import ConventionName, StoredAs, make_adapter, write_tensors
from tests.pairs import pairs_of

DEV = load_shapes("dev")
LAYERS_IN_BLOCKS = {"dev": 494, "schnell": 494, "flux2-klein-4b": 100, "z-image-turbo": 270}


@pytest.mark.parametrize("convention", ["kohya", "diffusers", "unknown"])
@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_the_same_arguments_give_the_same_bytes(tmp_path: Path, convention: ConventionName, dtype: StoredAs) -> None:
    files = [
        make_adapter(tmp_path / f"{n}.safetensors", convention, rank=1, blocks=1, alpha=2.0, seed=seed, dtype=dtype)
        for n, seed in enumerate([5, 5, 5, 6])
    ]
    first, *same, other = [file.read_bytes() for file in files]
    assert all(raw == first for raw in same)
    assert other != first


def test_the_strength_is_the_root_mean_square_of_each_update(tmp_path: Path) -> None:
    path = make_adapter(tmp_path / "a.safetensors", "kohya", rank=8, blocks=1, alpha=2.0, strength=5e-3)
    for update in read_adapter(path, DEV).updates:
        rows, columns = DEV[update.target]
        assert update.norm / (rows * columns) ** 0.5 == pytest.approx(5e-3, rel=0.05)


def test_alpha_stands_where_the_convention_puts_it(tmp_path: Path) -> None:
    for convention in ("kohya", "diffusers"):
        path = make_adapter(tmp_path / "a.safetensors", convention, rank=4, blocks=1, alpha=1.0)
        assert {update.multiplier for update in pairs_of(read_adapter(path, DEV))} == {0.25}
        assert any(".alpha" in key for key in load_file(path)) is (convention == "kohya")


def test_kohyas_alpha_has_no_dimension_as_the_trainer_writes_it(tmp_path: Path) -> None:
    tensors = load_file(make_adapter(tmp_path / "a.safetensors", "kohya", rank=4, blocks=1))
    assert {tensor.shape for key, tensor in tensors.items() if key.endswith(".alpha")} == {()}


def test_a_dead_adapter_has_live_down_and_zero_up_matrices(tmp_path: Path) -> None:
    tensors = load_file(make_adapter(tmp_path / "a.safetensors", "diffusers", rank=1, blocks=1, dead=True))
    assert all(tensor.any() == key.endswith("lora_A.weight") for key, tensor in tensors.items())


def test_the_file_says_that_it_is_not_trained(tmp_path: Path) -> None:
    with safe_open(make_adapter(tmp_path / "a.safetensors", rank=1, blocks=1), "np") as file:
        assert file.metadata()["kilnmark"] == "random weights, not trained"


def test_fewer_blocks_than_asked_are_no_error(tmp_path: Path) -> None:
    shapes = {"transformer_blocks.0.attn.to_q": (4, 4)}
    adapter = read_adapter(make_adapter(tmp_path / "a.safetensors", shapes=shapes, rank=1, blocks=9), shapes)
    assert adapter.target_count == 1


@pytest.mark.parametrize("convention", ["kohya", "diffusers"])
@pytest.mark.parametrize(("variant", "layers"), LAYERS_IN_BLOCKS.items())
def test_no_layer_is_written_under_two_names_and_none_is_left_out(
    tmp_path: Path, variant: str, layers: int, convention: ConventionName
) -> None:
    shapes = load_shapes(variant)
    adapter = read_adapter(make_adapter(tmp_path / "a.safetensors", convention, shapes=shapes, rank=1), shapes)
    assert (adapter.matched_key_count, dict(adapter.ignored_keys)) == (adapter.total_key_count, {})
    assert adapter.target_count == layers


def test_metadata_of_any_letters_survives(tmp_path: Path) -> None:
    metadata = {"ß": 'quote " slash \\ newline \n', "a": "\x01\x7f", "emoji": "🔥"}
    path = write_tensors(tmp_path / "a.safetensors", {"k": np.ones(3, np.float32)}, metadata=metadata)
    with safe_open(path, "np") as file:
        assert file.metadata() == metadata
        assert file.get_tensor("k").tolist() == [1, 1, 1]


def test_an_array_that_is_not_contiguous_is_written_as_it_reads(tmp_path: Path) -> None:
    tensor = np.arange(6, dtype=np.float32).reshape(2, 3).T
    assert np.array_equal(load_file(write_tensors(tmp_path / "a.safetensors", {"k": tensor}))["k"], tensor)


@contextmanager
def full_disk() -> Iterator[None]:
    """Lets every sync fail as it does when the disk is full."""

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        yield


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_text("old")
    with full_disk(), pytest.raises(OSError, match="No space"):
        write_tensors(path, {"k": np.ones(3, np.float32)})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
