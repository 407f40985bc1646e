"""What is judged is what is shipped: the kept classifier is right about drawings, and every file is found once."""

from pathlib import Path

import pytest

from scripts.mini.draw.words import STYLES
from scripts.mini.ledger import Ledger
from scripts.mini.model.classifier import judge, kept_classifier
from scripts.mini.pool import PoolSpec, drawings
from scripts.mini.shipped import CLASSIFIER, shipped_adapter


def test_the_classifier_that_is_kept_tells_drawings_it_never_saw(tmp_path: Path) -> None:
    drawn = drawings(
        tmp_path, PoolSpec("some", 24, styles=STYLES, held_out=True, seed=9), Ledger(tmp_path / "spent.json")
    )
    found = judge(kept_classifier(CLASSIFIER), drawn)
    assert found.mean > 0.9
    assert found.by_attribute["style"] == 1.0


def test_an_adapter_is_found_wherever_it_lies_and_only_once(tmp_path: Path) -> None:
    file = tmp_path / "pack" / "worlds" / "moor" / "balloon.safetensors"
    file.parent.mkdir(parents=True)
    file.touch()
    assert shipped_adapter("balloon", tmp_path) == file
    (tmp_path / "balloon.safetensors").touch()
    with pytest.raises(FileNotFoundError, match="has 2 files called balloon"):
        shipped_adapter("balloon", tmp_path)
    with pytest.raises(FileNotFoundError, match="has 0 files called fox"):
        shipped_adapter("fox", tmp_path)
