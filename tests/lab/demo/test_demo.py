"""The lab's demonstration, as a user runs it: a real training of `mini`, and everything after it."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.client.here import KILNMARK

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def test_it_goes_the_whole_way(tmp_path: Path) -> None:
    """How long it took is the machine's matter here: `time` is held where nothing else runs."""
    command = [KILNMARK, "lab", "demo", "--output", str(tmp_path / "demo"), "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1700)
    told = json.loads(ended.stdout)
    assert {hold["name"] for hold in told["holds"] if not hold["holds"]} <= {"time"}, ended.stderr
    assert len(told["checkpoints"]) == 5
    assert told["pick"] in told["checkpoints"][:-1]
    assert told["missed"][str(told["pick"])] == []
    assert told["missed"][str(told["checkpoints"][-1])]
    assert Path(told["page"]).is_file()
    assert Path(told["picture"]).is_file()
