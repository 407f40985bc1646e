"""Where compiled kernels are kept, and that one which a killed process left half written is not kept."""

import struct
from pathlib import Path

import pytest

from kilnmark.engine import kernels
from kilnmark.engine.kernels import VARIABLE, drop_half_written, keep_kernels, kernel_folder, usual_folder

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first

SECTIONS = 3


def cubin() -> bytes:
    """An ELF file of a head, a body, and three empty section headers at its end."""
    head = struct.pack("<4s28xQQ6xHHHH2x", b"\x7fELF", 0, 64 + 100, 0, 0, 64, SECTIONS)
    return head + bytes(100) + bytes(64 * SECTIONS)


def kept(folder: Path, name: str, code: bytes, names: bytes | None = b"kernel\tmangled\n") -> Path:
    path = folder / f"{name}.ptx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(code)
    if names is not None:
        path.with_suffix(".txt").write_bytes(names)
    return path


@pytest.fixture
def on_cuda(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """As on a card of the architecture sm_90, with a folder of caches."""
    monkeypatch.setattr(kernels, "backend", lambda: "cuda")
    monkeypatch.setattr(mx, "device_info", lambda: {"architecture": "sm_90"})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv(VARIABLE, "")
    return tmp_path


def test_each_kind_of_card_has_a_folder_of_its_own_below_the_users_caches(tmp_path: Path) -> None:
    here = usual_folder({"XDG_CACHE_HOME": "/caches"}, tmp_path, "sm_90")
    assert here.parent == Path("/caches/kilnmark/kernels")
    assert usual_folder({}, tmp_path, "sm_90").parent == tmp_path / ".cache/kilnmark/kernels"
    assert usual_folder({}, tmp_path, "sm_90") != usual_folder({}, tmp_path, "sm_80")
    assert usual_folder({"XDG_CACHE_HOME": "caches"}, tmp_path, "sm_90") == usual_folder({}, tmp_path, "sm_90")


def test_on_cuda_they_are_kept_there_and_status_can_tell_where(on_cuda: Path) -> None:
    keep_kernels()
    assert kernel_folder() == str(usual_folder({"XDG_CACHE_HOME": str(on_cuda)}, Path("/"), "sm_90"))
    assert Path(kernel_folder() or "").stat().st_mode & 0o777 == 0o700


def test_what_the_user_has_said_holds_and_nothing_there_is_touched(
    on_cuda: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = kept(on_cuda / "own", "broken", b"")
    monkeypatch.setenv(VARIABLE, str(broken.parent))
    keep_kernels()
    assert kernel_folder() == str(broken.parent)
    assert broken.exists()


def test_a_folder_that_cannot_be_made_leaves_mlx_its_own_and_is_told(
    on_cuda: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (on_cuda / "kilnmark").write_bytes(b"a file where the folder would be")
    keep_kernels()
    assert kernel_folder() is None
    assert "compiled kernels go to the temporary folder" in caplog.text


def test_elsewhere_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "backend", lambda: "cpu")
    monkeypatch.setenv(VARIABLE, "")
    keep_kernels()
    assert kernel_folder() is None


def test_whole_kernels_are_kept(tmp_path: Path) -> None:
    whole = [kept(tmp_path, "binary", cubin()), kept(tmp_path / "a long name", "text", b".entry f() { ret; }\n\0")]
    assert drop_half_written(tmp_path) == []
    assert all(path.exists() for path in whole)


def test_a_kernel_cut_off_anywhere_is_removed(tmp_path: Path) -> None:
    for length in range(0, len(cubin()), 9):
        path = kept(tmp_path, "cut", cubin()[:length])
        assert drop_half_written(tmp_path) == [path], length
        assert not path.exists()


@pytest.mark.parametrize("names", [None, b"", b"kernel\tmang"])
def test_a_kernel_whose_names_were_not_written_to_the_end_is_removed(tmp_path: Path, names: bytes | None) -> None:
    path = kept(tmp_path, "nameless", cubin(), names)
    assert drop_half_written(tmp_path) == [path]
