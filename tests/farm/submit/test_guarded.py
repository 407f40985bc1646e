"""Work at a farm that asks who comes: with the rights of a submitter, and no more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from kilnmark.client.cli.main import kilnmark
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.farm.broker.credentials import FarmCredentials
from kilnmark.farm.errors import BrokerRefused, FarmNotUsable
from tests.client.batch.packs import make_packs
from tests.farm.broker.guarded import GuardedBroker, guarded_broker
from tests.farm.nodes import nodes_at


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedBroker]:
    with (
        guarded_broker(tmp_path_factory.mktemp("broker")) as guarded,
        nodes_at(guarded.address, {"desk": FakeWorker()}, guarded.people),
    ):
        yield guarded


@pytest.fixture
def say(farm: GuardedBroker, tmp_path: Path) -> Any:
    """Types a command as somebody: its document and its exit code."""

    def typed(name: str, *words: str) -> tuple[dict[str, Any], int]:
        file = tmp_path / f"{name}.json"
        who: FarmCredentials = farm.people[name]
        file.write_bytes(msgspec.json.encode(who))
        file.chmod(0o600)
        command = [*words, "--farm", farm.address, "--farm-credentials", str(file)]
        result = CliRunner().invoke(kilnmark, [*command, "--json"], catch_exceptions=False)
        return (msgspec.json.decode(result.stdout) if result.stdout else {}), result.exit_code

    return typed


def test_a_submitter_has_a_batch_painted_and_sees_its_own_jobs(say: Any, tmp_path: Path) -> None:
    packs = make_packs(tmp_path / "packs", base_seed=8)
    out = str(tmp_path / "out")
    document, code = say("ann", "batch", "poi", "--packs", str(packs.root), "--world", "mire", "--out", out)
    assert (document["painted"], code) == (2, 0)
    assert say("ann", "farm", "status")[0]["done"] == 2
    assert say("bob", "farm", "status")[0]["done"] == 0
    told = say("eve", "farm", "status")[0]
    assert (told["done"], [each["what"] for each in told["submissions"]]) == (2, ["batch poi"])


def test_a_submitter_takes_back_what_is_its_own(say: Any, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"prompt": "a hill", "steps": 1}')
    handed_in = say("ann", "farm", "submit", str(tmp_path / "a.jsonl"))[0]
    submission, (line,) = handed_in["submission"], handed_in["lines"]
    with pytest.raises(BrokerRefused):
        say("eve", "farm", "cancel", line["job_id"], "--submitter", "ann")
    with pytest.raises(FarmNotUsable, match="none is called"):
        say("bob", "farm", "cancel", "--submission", submission)
    assert say("ann", "farm", "cancel", "--submission", submission)[1] == 0
    assert say("ann", "farm", "dead")[0] == {"letters": []}


def test_who_hands_in_no_work_is_told_so(say: Any, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"prompt": "a hill"}')
    with pytest.raises(FarmNotUsable, match="a viewer hands in no work"):
        say("eve", "farm", "submit", str(tmp_path / "a.jsonl"))
