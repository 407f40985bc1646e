"""The farm as people have it, at a broker that holds each to its rights: nothing that they do is refused."""

import json
import logging
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from kilnmark.client.cli.main import kilnmark
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.farm.broker.connection import refused_subject
from kilnmark.farm.errors import BrokerRefused
from kilnmark.keymaps.zoo.write import make_adapter
from tests.farm.broker.guarded import GuardedBroker, guarded_broker
from tests.farm.nodes import nodes_at


def said(guarded: GuardedBroker, folder: Path, name: str, *words: str) -> str:
    """What a command says, asked with somebody's credentials."""
    path = folder / f"{name}.json"
    path.write_bytes(msgspec.json.encode(guarded.people[name]))
    path.chmod(0o600)
    at = ["--farm", guarded.address, "--farm-credentials", str(path)]
    result = CliRunner().invoke(kilnmark, ["farm", *words, *at], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_work_is_handed_in_done_watched_and_taken_back_by_whom_it_is_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "kilnmark.farm")
    ink = make_adapter(tmp_path / "ink.safetensors", rank=1, blocks=1)
    requests = tmp_path / "requests.jsonl"
    lines = [
        {"prompt": f"a hill, {seed}", "seed": seed, "job_id": f"hill-{seed}", "lora_paths": [str(ink)]}
        for seed in (1, 2)
    ]
    requests.write_text("\n".join(map(json.dumps, lines)))
    with (
        guarded_broker(tmp_path / "broker") as guarded,
        nodes_at(guarded.address, {"desk": FakeWorker()}, guarded.people),
    ):
        submit = ("submit", str(requests), "--wait", "--out", str(tmp_path / "out"))
        said(guarded, tmp_path, "ann", *submit)
        said(guarded, tmp_path, "ann", *submit)
        assert len(list((tmp_path / "out").glob("*.png"))) == 2
        for name in ("ann", "eve", "operator"):
            assert "desk" in said(guarded, tmp_path, name, "status")
            said(guarded, tmp_path, name, "dead")
        said(guarded, tmp_path, "ann", "cancel", "hill-1")
        assert not [each for each in caplog.messages if refused_subject(each)]
        with pytest.raises(BrokerRefused, match="those of an operator"):
            said(guarded, tmp_path, "ann", "drain", "desk")
        said(guarded, tmp_path, "operator", "drain", "desk")
    seeds = [who.seed for who in guarded.people.values()]
    assert not [each for each in caplog.messages if any(seed in each for seed in seeds)]
