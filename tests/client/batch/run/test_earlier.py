"""Pictures put aside and taken back: none lost, none painted twice, wherever somebody is killed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.slow
def test_killed_anywhere_no_picture_is_lost_and_the_next_batch_completes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.client.batch.run.killed", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["rolled"] >= 15
    assert told["taken back"] >= 15
