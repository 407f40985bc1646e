"""A sweep killed again and again, wherever it is: nothing that was written down is lost, and it comes to its end."""

import subprocess
import sys
from pathlib import Path

import pytest

from kilnmark.client.sync import Client
from kilnmark.client.testing import fake_daemon
from kilnmark.lab.run.folder import read_state
from kilnmark.lab.sweep.ledger import read_cells
from tests.lab.sweep.swept import make_swept_run

CELLS = 15


@pytest.mark.slow
def test_no_kill_loses_a_cell_or_paints_one_that_was_written_down(tmp_path: Path) -> None:
    with fake_daemon() as daemon:
        folder = make_swept_run(tmp_path / "run", (100, 200, 300, 400), root=str(daemon.loras))
        words = [sys.executable, "-P", "-m", "kilnmark.client.cli", "lab", "sweep", str(folder)]
        words += ["--socket", str(daemon.socket)]
        known: dict[str, str] = {}
        for lines in range(1, CELLS, 2):
            killed_after(words, lines)
            found = {name: record.at for name, record in read_cells(folder / "cells").items()}
            assert known.items() <= found.items()
            known = found
        ended = subprocess.run(words, check=False, capture_output=True, timeout=120)
        with Client(daemon.socket) as client:
            assert client.status().rendered <= CELLS
    assert ended.returncode in {0, 1}, ended.stderr
    records = read_cells(folder / "cells")
    assert len(records) == CELLS
    assert all((folder / "cells" / record.file).is_file() for record in records.values())
    state = read_state(folder)
    assert state is not None
    assert state.sweep is not None
    assert (state.sweep.painted, state.sweep.ended is not None) == (CELLS, True)


def killed_after(words: list[str], lines: int) -> None:
    """Once it has told of so many cells, or of nothing more."""
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        for _ in range(lines):
            if not process.stderr.readline():
                break
        process.kill()
