"""`kilnmark batch --farm`, word by word: a batch is as if one machine had made it, or is refused before it begins."""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from kilnmark.client.cli.main import kilnmark
from kilnmark.client.testing import fake_daemon
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.farm.broker.credentials import ADDRESS_VARIABLE, VARIABLE
from tests.client.batch.packs import SmallPacks, make_packs
from tests.farm.nodes import nodes_at

_base_seeds = itertools.count(9000)
_THEIR_OWN = {"node", "created", "seconds", "sha256", "updated", "switches"}
"""What two runs of one batch differ in: a fake's picture has the time in it, and who is done first is chance."""


@dataclass(frozen=True)
class Two:
    """A farm, and one machine that paints the same."""

    farm: str
    socket: str
    folder: Path

    def packs(self) -> SmallPacks:
        """Of pictures that nobody has painted yet."""
        seed = next(_base_seeds)
        return make_packs(self.folder / f"packs-{seed}", base_seed=seed)


@pytest.fixture(scope="module")
def two(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    folder = tmp_path_factory.mktemp("two")
    with nodes_at(broker, {"anvil": FakeWorker()}), fake_daemon(lora_roots=(folder,)) as daemon:
        yield Two(broker, str(daemon.socket), folder)


def said(packs: Path, out: Path, *options: str) -> Result:
    return CliRunner().invoke(kilnmark, ["batch", "poi", "--packs", str(packs), "--out", str(out), *options])


def plain(value: Any, out: Path) -> Any:
    """A document without what differs from run to run, and from folder to folder."""
    if isinstance(value, dict):
        return {name: plain(each, out) for name, each in value.items() if name not in _THEIR_OWN}
    if isinstance(value, list):
        return [plain(each, out) for each in value]
    return value.replace(str(out), "OUT") if isinstance(value, str) else value


def all_of(out: Path, ended: Result) -> dict[str, Any]:
    """Everything that a batch leaves and says."""
    manifest = json.loads((out / "manifest.json").read_text()) if out.exists() else {}
    lines = [re.sub(r"^\d+ of|in [\d.]+ s", "", line) for line in ended.stderr.splitlines()]
    return {
        "code": ended.exit_code,
        "told": sorted(plain(line, out) for line in lines),
        "document": plain(json.loads(ended.stdout), out),
        "manifest": plain(manifest, out),
        "files": sorted(path.relative_to(out).as_posix() for path in out.rglob("*")),
    }


@pytest.mark.parametrize(
    "options",
    [
        "--compare-base",
        "--seeds 2 --limit 1",
        "--world fen --steps 2",
        "--tier portrait --no-draft",
        "--tier portrait --draft --limit 1",
        "--only Reed --only Old_Kiln",
        "--only Old_Kiln --reroll 2",
        "--genre nobody",
    ],
)
def test_it_leaves_and_says_what_one_machine_does(two: Two, tmp_path: Path, options: str) -> None:
    packs = two.packs().root
    asked = [each.replace("_", " ") for each in options.split()]
    one = said(packs, tmp_path / "one", "--json", "--socket", two.socket, *asked)
    many = said(packs, tmp_path / "many", "--json", "--farm", two.farm, *asked)
    if one.exception is not None and not one.stdout:
        assert (str(many.exception), many.exit_code) == (str(one.exception), one.exit_code)
        return
    assert all_of(tmp_path / "many", many) == all_of(tmp_path / "one", one)


def test_what_is_there_is_kept_and_painted_again_by_force(two: Two, tmp_path: Path) -> None:
    packs, out = two.packs().root, tmp_path / "out"
    ended = [said(packs, out, "--json", "--farm", two.farm, *force) for force in ([], [], ["--force"])]
    counts = [json.loads(each.stdout) for each in ended]
    assert [(each["painted"], each["kept"]) for each in counts] == [(3, 0), (0, 3), (3, 0)]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ("--farm --notify-url https://example.org", "--notify-url"),
        ("--farm --detach --force", "--force"),
        ("--farm --detach --race", "--race"),
        ("--farm", ADDRESS_VARIABLE),
        ("--farm nats://nobody --farm-credentials none.json", "none.json"),
        ("--race", "--farm"),
        ("--submitter ann", "--farm"),
        ("--content-anew", "--farm"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything(tmp_path: Path, options: str, word: str) -> None:
    packs = make_packs(tmp_path / "packs", base_seed=1).root
    ended = said(packs, tmp_path / "out", *options.split())
    assert ended.exit_code != 0
    assert word in ended.stderr + str(ended.exception)
    assert not (tmp_path / "out").exists()


def test_a_submitter_whom_the_farm_does_not_know_is_told_whom_it_knows(two: Two, tmp_path: Path) -> None:
    ended = said(two.packs().root, tmp_path, "--farm", two.farm, "--submitter", "Bob B.")
    assert "no submitter 'Bob B.', but ann" in ended.stderr


@pytest.mark.parametrize("by", ["environment", "credentials"])
def test_the_broker_is_where_the_environment_or_credentials_say(
    two: Two, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    if by == "environment":
        monkeypatch.setenv(ADDRESS_VARIABLE, two.farm)
    else:
        credentials = {"name": "ann", "role": "operator", "addresses": [two.farm]}
        monkeypatch.setenv(VARIABLE, msgspec.json.encode(credentials).decode())
    ended = said(two.packs().root, tmp_path / "out", "--farm", "--json", "--limit", "1")
    assert json.loads(ended.stdout)["painted"] == 1
    looked = CliRunner().invoke(kilnmark, ["farm", "status", "--json"])
    assert looked.exit_code == 0, looked.output


def test_a_rehearsal_goes_by_what_the_farm_serves_and_hands_nothing_in(two: Two, tmp_path: Path) -> None:
    packs = two.packs()
    packs.write("tiers.yaml", "landscape: {width: 64, height: 64, steps: 1, variant: dev}\n")
    ended = said(packs.root, tmp_path / "out", "--dry-run", "--json", "--farm", two.farm)
    assert json.loads(ended.stdout)["totals"]["elsewhere"] == {"dev": "standin"}
    assert not (tmp_path / "out").exists()
