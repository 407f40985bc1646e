"""The outline of a file says what the whole file says, and says it of files that cannot be applied too."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.outline import read_outline
from kilnmark.keymaps.zoo.write import write_tensors
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit

BY_NAME = {exhibit.name: exhibit for exhibit in EXHIBITS}
SHARED = (
    *("path", "size", "convention", "convention_version", "share", "total_key_count", "matched_key_count"),
    *("ignored_keys", "unmatched_keys", "target_count"),
)


@pytest.mark.parametrize("name", ["kohya-te1", "ai-toolkit", "half-unknown", "unknown-names", "kohya-lokr-bfl"])
def test_an_outline_has_the_counts_of_the_whole_file(tmp_path: Path, name: str) -> None:
    path = write_exhibit(tmp_path / "a.safetensors", BY_NAME[name], rank=1, blocks=1)
    outline, adapter = read_outline(path, load_shapes("dev")), read_adapter(path, load_shapes("dev"))
    assert {name: getattr(outline, name) for name in SHARED} == {name: getattr(adapter, name) for name in SHARED}
    assert not outline.refused_keys


def test_every_key_is_matched_ignored_refused_or_unmatched(tmp_path: Path) -> None:
    tensors = load_file(write_exhibit(tmp_path / "a.safetensors", BY_NAME["half-unknown"], rank=1, blocks=1))
    tensors["transformer.transformer_blocks.0.attn.to_q.hada_t1"] = np.ones((2, 2), np.float32)
    outline = read_outline(write_tensors(tmp_path / "b.safetensors", tensors), load_shapes("dev"))
    ignored, unmatched = sum(outline.ignored_keys.values()), len(outline.unmatched_keys)
    assert outline.refused_keys
    assert outline.total_key_count == outline.matched_key_count + ignored + len(outline.refused_keys) + unmatched


def test_an_outline_does_not_read_the_numbers(tmp_path: Path) -> None:
    path = write_exhibit(tmp_path / "a.safetensors", BY_NAME["not-a-number"], rank=1, blocks=1)
    assert read_outline(path, load_shapes("dev")).target_count == 20
