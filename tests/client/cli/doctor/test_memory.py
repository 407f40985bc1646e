"""The memory that a control group allows, and what it means for a base."""

from pathlib import Path

import pytest

from kilnmark.client.cli.doctor import memory
from kilnmark.client.cli.doctor.bases import look_at_bases
from kilnmark.client.cli.doctor.memory import group_limit
from kilnmark.client.cli.doctor.observation import Health
from tests.client.cli.doctor.patients import patient, the_one


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Control groups of our own, in which this process is in `a/b`, by version 2."""
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(memory, "OWN", tmp_path / "own")
    (tmp_path / "groups" / "a" / "b").mkdir(parents=True)
    (tmp_path / "own").write_text("0::/a/b\n")
    return tmp_path / "groups"


def test_the_least_of_all_groups_counts(groups: Path) -> None:
    (groups / "a" / "memory.max").write_text("8000000000\n")
    (groups / "a" / "b" / "memory.max").write_text("max\n")
    assert group_limit() == 8_000_000_000
    (groups / "a" / "b" / "memory.max").write_text("7000000000\n")
    assert group_limit() == 7_000_000_000


def test_groups_of_the_first_version_are_known(groups: Path, tmp_path: Path) -> None:
    (tmp_path / "own").write_text("5:cpu,cpuacct:/a\n4:memory:/c\n")
    (groups / "memory" / "c").mkdir(parents=True)
    (groups / "memory" / "c" / "memory.limit_in_bytes").write_text("6000000000\n")
    assert group_limit() == 6_000_000_000


def test_where_nothing_is_known_there_is_no_limit(groups: Path, tmp_path: Path) -> None:
    assert group_limit() is None
    (tmp_path / "own").unlink()
    assert group_limit() is None


def test_a_base_that_its_group_has_no_memory_for_is_a_fault_and_the_standin_is_none(
    groups: Path, tmp_path: Path
) -> None:
    (groups / "a" / "memory.max").write_text("8000000000\n")
    looked = [each for each in look_at_bases(patient(tmp_path, variant="dev", quantize=8)) if "memory" in each.found]
    assert "8.0 GB are all that its control group may take" in the_one(looked, Health.FAULT).found
    assert {each.health for each in look_at_bases(patient(tmp_path))} == {Health.OK}
