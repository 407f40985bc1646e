"""What a folder knows of the batches that painted it, and the command that asks for one of its pictures again."""

import shlex
from pathlib import Path

import msgspec
import pytest

from kilnmark.client.batch.plan.plan import Wishes
from kilnmark.client.batch.run.asked import AskedBatch, asked_for, with_asked
from kilnmark.client.batch.run.ledger import open_ledger
from kilnmark.client.batch.run.manifest import read_manifest
from kilnmark.client.cli.main import kilnmark
from tests.client.batch.samples import picture

PLAIN = AskedBatch(kind="poi", packs="/packs")
EVERY = AskedBatch(
    kind="poi",
    packs="/my packs",
    tier="wide",
    steps=3,
    takes=2,
    lora_roots=("/a", "/b"),
    compare_base=True,
    draft=False,
)


@pytest.mark.parametrize("asked", [PLAIN, EVERY], ids=["plain", "every option"])
def test_the_command_is_one_that_the_program_takes(asked: AskedBatch) -> None:
    words = shlex.split(asked.command(picture(name="it's; rm -rf"), "/out of this"))
    assert words[:3] == ["kilnmark", "batch", "poi"]
    assert words[-4:] == ["--only", "it's; rm -rf", "--out", "/out of this"]
    command = kilnmark.commands["batch"].commands["poi"]  # type: ignore[attr-defined]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_last_batch_of_a_kind_and_tier_is_known_and_the_likeliest_first(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        for asked in (PLAIN, EVERY, msgspec.structs.replace(PLAIN, steps=9)):
            ledger.write_problems(Wishes(kind=asked.kind, packs=Path(asked.packs)), asked, [], [])
    known = read_manifest(tmp_path).asked
    assert [(each.tier, each.steps) for each in known] == [(None, 9), ("wide", 3)]
    assert [each.tier for each in asked_for(known, picture(tier="wide"))] == ["wide", None]
    assert asked_for(known, picture(kind="portrait")) == []


def test_what_is_asked_for_now_is_kept_with_whole_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    wishes = Wishes(kind="poi", packs=Path("packs"), lora_roots=(Path("more"),))
    asked = AskedBatch.of(wishes, compare_base=False)
    assert (asked.packs, asked.lora_roots) == (str(tmp_path / "packs"), (str(tmp_path / "more"),))
    assert with_asked([], asked) == [asked]
