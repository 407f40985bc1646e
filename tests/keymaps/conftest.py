"""Adapter files to read: two whole ones at full size, and a press for files of any bytes, however wrong."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from kilnmark.keymaps.zoo.write import make_adapter

Press = Callable[..., Path]


@pytest.fixture(scope="session")
def full_diffusers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """988 keys, 494 targets, rank 2."""
    return make_adapter(tmp_path_factory.mktemp("full") / "diffusers.safetensors", "diffusers", rank=2, seed=1)


@pytest.fixture(scope="session")
def full_kohya(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """912 keys, 494 targets, rank 2, alpha 1."""
    path = tmp_path_factory.mktemp("full") / "kohya.safetensors"
    return make_adapter(path, "kohya", rank=2, seed=2, alpha=1.0)


@pytest.fixture
def press(tmp_path: Path) -> Press:
    """Presses a header (a mapping, or its exact bytes) and data into a file."""

    def build(
        header: Mapping[str, Any] | bytes, data: bytes = b"", *, claimed: int | None = None, name: str = "a.safetensors"
    ) -> Path:
        raw = header if isinstance(header, bytes) else json.dumps(header).encode()
        path = tmp_path / name
        path.write_bytes((len(raw) if claimed is None else claimed).to_bytes(8, "little") + raw + data)
        return path

    return build
