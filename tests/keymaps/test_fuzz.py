"""The fuzzer's first 250 cases; `make fuzz` has ten minutes. And that it would find what it looks for."""

from pathlib import Path

import pytest

from kilnmark.keymaps.files import safefile
from tests.keymaps.fuzz import GROWTH_LIMIT, case, fuzz


def test_only_refusals_come_out_of_mutated_files(tmp_path: Path) -> None:
    run = fuzz(100, seed=1, saved=tmp_path, cases=250)
    assert run.cases == 250
    assert not run.failures, run.failures[0].with_suffix(".txt").read_text()
    assert run.growth < GROWTH_LIMIT
    assert run.outcomes["read_header: accepted"]
    assert run.outcomes["read_header: UnsafeFile"]


def test_a_seed_gives_the_same_files_again() -> None:
    assert [case(3, number) for number in range(5)] == [case(3, number) for number in range(5)]
    assert case(3, 0) != case(4, 0)


def test_a_reader_that_fails_in_another_way_is_found_and_its_file_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safefile, "parse_header", lambda *_: 1 / 0)
    run = fuzz(100, seed=1, saved=tmp_path / "saved", cases=8)
    assert run.failures
    assert "ZeroDivisionError" in run.failures[0].with_suffix(".txt").read_text()
    number = int(run.failures[0].stem.partition("-")[2])
    assert run.failures[0].read_bytes() == case(1, number)
