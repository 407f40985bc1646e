"""A strength that is said outside the tensors is in the tensors of a remapped file, and in them alone."""

from pathlib import Path

import pytest

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.remap.convert import GOALS, GoalName, remap_adapter
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit

DEV = load_shapes("dev")
BY_NAME = {exhibit.name: exhibit for exhibit in EXHIBITS}
SAID = ("peft-folder", "peft-rslora", "diffusers-alpha-in-metadata", "simpletuner-entries", "kohya-to-ai-toolkit")


def norms(adapter: Adapter) -> dict[str, float]:
    """Of what is not zero: fused names fill the rows of layers that the source does not have."""
    return {update.target: update.norm for update in adapter.updates if update.norm}


@pytest.mark.parametrize("to", GOALS)
@pytest.mark.parametrize("name", SAID)
def test_it_is_as_strong_in_every_convention(tmp_path: Path, name: str, to: GoalName) -> None:
    source = write_exhibit(tmp_path / "source.safetensors", BY_NAME[name], blocks=1)
    goal = tmp_path / "goal.safetensors"
    remap_adapter(source, goal, to)
    read = read_adapter(goal, DEV)
    assert norms(read) == pytest.approx(norms(read_adapter(source, DEV)), rel=1e-6)
    assert set(read.strength_from) <= {"tensor", "default"}
    assert not [note for note in read.notes if "says" in note and "strength" in note]


def test_a_config_that_stays_behind_is_not_taken_for_that_of_the_remapped_file(tmp_path: Path) -> None:
    source = write_exhibit(tmp_path / "source.safetensors", BY_NAME["peft-folder"], blocks=1)
    before = norms(read_adapter(source, DEV))
    remap_adapter(source, tmp_path / "goal.safetensors", "diffusers")
    source.unlink()
    read = read_adapter(tmp_path / "goal.safetensors", DEV)
    assert norms(read) == pytest.approx(before, rel=1e-6)
    assert "is not that of a remapped file" in read.notes[0]


@pytest.mark.parametrize("name", ["pissa-unconverted", "dora-without-magnitudes"])
def test_what_is_not_all_there_is_not_made_to_look_whole(tmp_path: Path, name: str) -> None:
    source = write_exhibit(tmp_path / "source.safetensors", BY_NAME[name], blocks=1)
    with pytest.raises(UnfitAdapter, match=r"altered|no magnitudes"):
        remap_adapter(source, tmp_path / "goal.safetensors", "kohya")
    assert not (tmp_path / "goal.safetensors").exists()
