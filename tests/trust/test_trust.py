"""A slice of `make trust`: the same files every time, few enough for every run of the tests."""

from pathlib import Path

import numpy as np
import pytest

from tests.trust.healthy import draw_healthy
from tests.trust.proof import FLAWS, false_alarms, false_trust, numbers_of, troubles_of_healthy
from tests.trust.remaps import false_remaps
from tests.trust.storage import store, write

SEED = 1


def test_healthy_files_are_engaged_with_their_true_numbers(tmp_path: Path) -> None:
    found = [trouble for place in range(25) for trouble in false_alarms(SEED, place, tmp_path)]
    assert found == []


def test_remapped_files_are_engaged_with_the_same_numbers(tmp_path: Path) -> None:
    found = [trouble for place in range(15) for trouble in false_remaps(SEED, place, tmp_path)]
    assert found == []


def test_no_flaw_passes_in_silence(tmp_path: Path) -> None:
    found = [trouble for place in range(len(FLAWS)) for trouble in false_trust(SEED, place, tmp_path)]
    assert found == []


@pytest.mark.parametrize("factor", [0.99, 1.01])
def test_a_wrong_strength_is_seen(tmp_path: Path, factor: float) -> None:
    drawn = draw_healthy(numbers_of(SEED, 0, 0))
    key = next(iter(key for module in drawn.modules for suffix, key in module.keys.items() if suffix == drawn.hand.up))
    tensor = drawn.tensors[key]
    write(tmp_path / "a.safetensors", {**drawn.tensors, key: store(tensor.values * factor, "F32")}, drawn.metadata)
    assert list(troubles_of_healthy(tmp_path / "a.safetensors", drawn, np.random.default_rng(0)))


def test_every_flaw_has_a_name_of_its_own() -> None:
    assert len({flaw.name for flaw in FLAWS}) == len(FLAWS)
