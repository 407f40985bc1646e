"""The lines of cells: the last one counts, one that was cut off does not, and they stay short."""

from pathlib import Path

import msgspec
import pytest

from kilnmark.client.batch.run.base import BaseNow
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.sweep.ledger import CellLedger, CellRecord, read_cells
from tests.lab.measures.scenes import scene
from tests.lab.sweep.swept import save
from tests.lab.sweep.test_cells import cells

BASE = BaseNow("f" * 64)
LINES = "cells.jsonl"


def record(name: str = "bare-p1-s1", **fields: object) -> CellRecord:
    made = CellRecord(
        name=name, step=None, sha256="", scale=1.0, role="familiar", prompt="a", seed=1, status="done", inputs="i"
    )
    return msgspec.structs.replace(made, **fields)


def test_what_was_written_last_counts(tmp_path: Path) -> None:
    ledger = CellLedger(tmp_path)
    for message in ("one", "two"):
        ledger.write(record(message=message))
    assert read_cells(tmp_path) == {"bare-p1-s1": record(message="two")}
    assert CellLedger(tmp_path).get("bare-p1-s1") == record(message="two")


def test_a_line_that_was_cut_off_was_never_written_and_goes_with_the_next(tmp_path: Path) -> None:
    CellLedger(tmp_path).write(record())
    whole = (tmp_path / LINES).read_bytes()
    for cut in range(len(whole)):
        (tmp_path / LINES).write_bytes(whole + whole[:cut])
        assert list(read_cells(tmp_path)) == ["bare-p1-s1"]
    CellLedger(tmp_path).write(record("bare-p2-s1"))
    assert len(read_cells(tmp_path)) == 2
    assert (tmp_path / LINES).read_bytes().count(b"\n") == 2


def test_a_line_that_is_broken_is_told(tmp_path: Path) -> None:
    (tmp_path / LINES).write_bytes(b"{}\n")
    with pytest.raises(RunUnusable, match=f"{LINES}: .*remove it to have all cells painted again"):
        CellLedger(tmp_path)


def test_many_changes_of_few_cells_stay_few_lines(tmp_path: Path) -> None:
    ledger = CellLedger(tmp_path)
    for turn in range(60):
        ledger.write(record(message=str(turn)))
    assert (tmp_path / LINES).read_bytes().count(b"\n") < 25
    assert read_cells(tmp_path)["bare-p1-s1"].message == "59"


def test_a_picture_is_kept_only_while_it_is_the_one(tmp_path: Path) -> None:
    cell, ledger = cells(200)[0], CellLedger(tmp_path)
    source = save(scene(1, 32), tmp_path / "made" / "a.png")
    sha256 = ledger.take_in(cell.name, source, "")
    ledger.write(record(cell.name, inputs=cell.inputs, fingerprint=BASE.fingerprint, image_sha256=sha256))
    assert ledger.has(cell, BASE)
    assert not ledger.has(cell, BaseNow("another base"))
    assert not ledger.has(cells(200)[1], BASE)
    ledger.place(cell.name).write_bytes(b"spoilt")
    assert not ledger.has(cell, BASE)


def test_a_picture_that_was_exchanged_is_not_taken_in(tmp_path: Path) -> None:
    source = save(scene(1, 32), tmp_path / "made" / "a.png")
    with pytest.raises(OSError, match="somebody wrote to it"):
        CellLedger(tmp_path).take_in("a", source, "0" * 64)
    assert not (tmp_path / "a.png").exists()
