"""`--race`: a render that takes far longer than its like is painted by an idle node, and given up by the slow one."""

import json
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from kilnmark.client import Client
from kilnmark.client.cli.main import kilnmark
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.farm.node import node
from kilnmark.farm.submit import racing
from tests.client.batch.packs import make_packs
from tests.farm.nodes import nodes_at

QUICK = 0.1


def test_the_idle_node_paints_what_the_slow_one_is_at_and_the_slow_one_gives_it_up(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "BEAT", QUICK)
    monkeypatch.setattr(racing, "_LOOK", QUICK)
    packs, slow = make_packs(tmp_path / "packs", base_seed=77).root, FakeWorker()
    slow.hold("denoise")
    over = threading.Timer(20, slow.hold)  # lest a race that is none waits for the slow one for ever
    over.start()
    with nodes_at(broker, {"slow": slow, "swift": FakeWorker()}, lease=1.0) as daemons:
        command = ["batch", "poi", "--packs", packs, "--out", tmp_path / "out", "--seeds", "4", "--farm", broker]
        ended = CliRunner().invoke(kilnmark, [*map(str, command), "--race", "--json"])
        pictures = json.loads((tmp_path / "out/manifest.json").read_text())["pictures"]
        assert {each["node"] for each in pictures} == {"swift"}
        assert json.loads(ended.stdout)["painted"] == len(pictures) == 12
        with Client(daemons["slow"].socket) as client:
            begun = [each.job_id for each in client.jobs_list().jobs]
            assert {client.jobs_wait(each, 30).job.state for each in begun} == {"cancelled"}
    over.cancel()
