"""What trainers leave: adapters found in it with their steps, what is not whole told, nothing else taken for one."""

import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from kilnmark.lab.training.archives import broken, left_in, step_of
from tests.lab.faults.benches import ADAPTER


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("0000500_adapters.safetensors", 500),
        ("0000200_adapter.safetensors", 200),
        ("0000200_checkpoint.zip", 200),
        ("ink_000001500.safetensors", 1500),
        ("ink-step00000500.safetensors", 500),
        ("output/flux_train/lora_step1200.safetensors", 1200),
        ("lora-1500.safetensors", 1500),
        ("12.safetensors", 12),
        ("flux2_lora.safetensors", None),
        ("pytorch_lora_weights.safetensors", None),
        ("ink.safetensors", None),
        ("trained_model.tar", None),
    ],
)
def test_a_step_is_read_in_a_name(name: str, step: int | None) -> None:
    assert step_of(name) == step


def zipped(path: Path, **config: object) -> Path:
    """As mflux-train leaves them."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0000200_optimizer.safetensors", b"optimizer")
        archive.write(ADAPTER, "0000200_adapter.safetensors")
        archive.writestr("0000200_config.json", json.dumps(config))
        archive.writestr("run.json", "{}")
    return path


def tarred(path: Path) -> Path:
    """As Replicate's trainers leave them."""
    with tarfile.open(path, "w") as archive:
        archive.add(ADAPTER, "output/lora.safetensors")
        about = tarfile.TarInfo("output/config.yaml")
        about.size = 5
        archive.addfile(about, io.BytesIO(b"a: 1\n"))
    return path


def test_a_zip_of_mflux_has_one_adapter_with_its_step(tmp_path: Path) -> None:
    (left,) = left_in(zipped(tmp_path / "0000200_checkpoint.zip"))
    with left.opened() as file:
        assert file.read() == ADAPTER.read_bytes()
    assert (left.step, left.note) == (200, None)


@pytest.mark.parametrize(("alpha", "told"), [(8, "at alpha / rank = 2"), (4, None), (None, None)])
def test_a_strength_that_a_zip_alone_knows_is_told(tmp_path: Path, alpha: int | None, told: str | None) -> None:
    targets = [{"module_path": "a", "rank": 4, "alpha": alpha}]
    (left,) = left_in(zipped(tmp_path / "a.zip", lora_layers={"targets": targets}))
    assert (told is None and left.note is None) or (told is not None and told in (left.note or ""))


def test_a_tar_has_its_adapters_alone(tmp_path: Path) -> None:
    (left,) = left_in(tarred(tmp_path / "trained_model.tar"))
    with left.opened() as file:
        assert file.read() == ADAPTER.read_bytes()
    assert left.name == "output/lora.safetensors"


@pytest.mark.parametrize("kind", ["zip", "tar", "safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_what_is_cut_off_is_not_whole(tmp_path: Path, kind: str, share: float) -> None:
    path = tmp_path / f"a.{kind}"
    if kind == "safetensors":
        path.write_bytes(ADAPTER.read_bytes())
    else:
        (zipped if kind == "zip" else tarred)(path)
    assert broken(path) is None
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert broken(path)


def test_a_damaged_byte_of_a_zip_is_seen(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "damaged" in (broken(path) or "")
