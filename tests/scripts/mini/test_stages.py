"""All stages once round in a folder, two steps of each: they fit together, and a second round does nothing anew."""

from pathlib import Path

import pytest

from scripts.mini.__main__ import STAGES
from scripts.mini.model.directory import read_directory
from scripts.mini.plan import QUICK
from scripts.mini.stages import Workshop


@pytest.mark.slow
def test_the_stages_make_a_directory_and_are_done_once(tmp_path: Path) -> None:
    first = Workshop(tmp_path, QUICK)
    told = {stage: getattr(first, stage)() for stage in STAGES}
    assert told["directory"]["bytes"] < 8_300_000
    read_directory(tmp_path / "mini")
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.np[yz]")}
    assert len(kept) == 7
    again = Workshop(tmp_path, QUICK)
    assert {stage: getattr(again, stage)() for stage in STAGES} == told
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.np[yz]")} == kept
