"""OpenAI's own client for JavaScript, unchanged, asks `kilnmark web` beside a daemon that really paints."""

import json
import subprocess
from pathlib import Path

import pytest

from kilnmark.client import Client
from scripts.peers import OPENAI
from tests.daemon.conftest import PATIENCE
from tests.web.api.really import painted_by_mini

pytestmark = pytest.mark.peers

SCRIPT = Path(__file__).with_name("speak_openai.mjs")


def test_it_has_pictures_and_proof_and_is_told_what_it_cannot_have() -> None:
    with painted_by_mini() as both, Client(both.daemon.socket) as client:
        command = ["node", str(SCRIPT), str(OPENAI), f"{both.address}/v1", both.token]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        [left] = client.jobs_list(text="somebody left").jobs
        ended = client.jobs_wait(left.job_id, job_timeout=PATIENCE).job
    assert (told["begins"], told["verdicts"]) == ("PNG", ["engaged"])
    assert (told["seeds"], told["opened"]) == ([7, 8, 9, 10], ["PNG"] * 4)
    assert told["unknown"] == {
        "class": "NotFoundError",
        "status": 404,
        "code": "model_not_found",
        "param": "model",
        "loras": [],
    }
    assert (told["dead"]["class"], told["dead"]["code"]) == ("UnprocessableEntityError", "adapter_not_engaged")
    assert told["dead"]["loras"] == [["oak", "engaged"], ["ash", "noop"]]
    assert (told["stranger"], told["left"], ended.state) == (401, "APIUserAbortError", "cancelled")
    assert "mini" in told["models"]
