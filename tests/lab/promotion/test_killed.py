"""Processes that promote: killed at every write, and many at once."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_a_killed_promotion_leaves_the_manifest_before_or_after_and_none_of_many_at_once_is_lost(
    tmp_path: Path,
) -> None:
    (tmp_path / "ink").mkdir()
    command = [sys.executable, "-m", "tests.lab.promotion.killed", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] >= 4
    assert told["old"] + told["new"] == told["kills"] + 1
    assert told["old"] >= 2
    assert told["new"] >= 2
    assert told["crowd"] == [f"{i:064x}" for i in range(12)]
