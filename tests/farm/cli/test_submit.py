"""`kilnmark farm submit`: requests from a file, and batches that are handed in and left."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from kilnmark.client.cli.commands.batch import batch
from kilnmark.client.cli.main import kilnmark
from kilnmark.daemon.worker.fake import FakeWorker, Script
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict
from tests.client.batch.packs import make_packs
from tests.farm.nodes import nodes_at


@pytest.fixture(scope="module")
def farm(broker: str) -> Iterator[str]:
    with nodes_at(broker, {"anvil": FakeWorker(Script(verdicts={"moss": Verdict.NOOP}))}):
        yield broker


def submitted(farm: str, *arguments: str | Path) -> dict[str, Any]:
    result = CliRunner().invoke(kilnmark, ["farm", "submit", *map(str, arguments), "--farm", farm, "--json"])
    assert result.stdout, result.output
    document: dict[str, Any] = msgspec.json.decode(result.stdout)
    return document | {"code": result.exit_code, "told": result.stderr}


def lines(path: Path, *requests: dict[str, Any]) -> Path:
    path.write_text("\n\n".join(map(json.dumps, requests)))
    return path


def test_lines_are_composed_decided_painted_and_named_by_their_job(farm: str, tmp_path: Path) -> None:
    packs = make_packs(tmp_path / "packs", base_seed=5)
    file = lines(
        tmp_path / "a.jsonl",
        {"prompt": "a hill", "steps": 1, "width": 64, "height": 64},
        {"prompt": "a stair", "genre": "ash", "world": "mire", "tier": "landscape"},
        {"prompt": "a hill", "sed": 3},
    )
    told = submitted(farm, file, "--wait", "--packs", packs.root, "--out", tmp_path / "out")
    assert [line["state"] for line in told["lines"]] == ["done", "done", "failed"]
    assert [line["line"] for line in told["lines"]] == [1, 3, 5]
    assert told["code"] == 1
    assert f"{file}:5: " in told["told"]
    assert "`sed`" in told["told"]
    done = told["lines"][:2]
    assert all(Path(line["picture"]).is_file() and line["node"] == "anvil" for line in done)
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".png", ".png"]
    again = submitted(farm, file, "--packs", packs.root)
    assert [line["job_id"] for line in again["lines"]] == [line["job_id"] for line in told["lines"]]
    assert [line["state"] for line in again["lines"]] == ["done", "done", "failed"]
    assert "2 jobs have their pictures from before" in again["told"]
    again = submitted(farm, file, "--wait", "--packs", packs.root, "--out", tmp_path / "out")
    assert [line["picture"] for line in again["lines"]] == [line["picture"] for line in told["lines"]]


def test_a_line_that_stands_twice_is_one_job_and_has_its_picture_both_times(farm: str, tmp_path: Path) -> None:
    twice = {"prompt": "a ford", "steps": 1, "width": 64, "height": 64, "seed": 4}
    file = lines(tmp_path / "twice.jsonl", *[twice] * 8)
    told = submitted(farm, file, "--wait", "--out", tmp_path / "out")
    (picture,) = {line["picture"] for line in told["lines"]}
    assert (told["code"], [line["state"] for line in told["lines"]]) == (0, ["done"] * 8)
    assert f"{file}:15: {picture}, painted by anvil" in told["told"]
    assert list((tmp_path / "out").iterdir()) == [Path(picture)]


def test_a_picture_that_was_painted_for_all_that_names_the_dead_adapter(farm: str, tmp_path: Path) -> None:
    moss = make_adapter(tmp_path / "moss.safetensors", rank=1, blocks=1)
    asked = {"prompt": "a fen", "steps": 1, "lora_paths": [str(moss)], "on_mismatch": "warn"}
    file = lines(tmp_path / "warn.jsonl", asked)
    told = submitted(farm, file, "--wait", "--out", tmp_path / "out")
    (line,) = told["lines"]
    assert (told["code"], line["state"]) == (3, "done")
    assert line["message"].startswith("moss is noop: ")
    assert f"{file}:1: {line['picture']}, painted by anvil; moss is noop: " in told["told"]


def test_without_waiting_they_are_handed_in_and_how_to_see_them_is_told(farm: str, tmp_path: Path) -> None:
    file = lines(tmp_path / "b.jsonl", {"prompt": "a mill", "steps": 1})
    told = submitted(farm, file)
    assert [line["state"] for line in told["lines"]] == ["handed_in"]
    assert f"1 job handed in as {told['submission']}" in told["told"]
    assert "the same with --wait takes the pictures in" in told["told"]


def test_a_batch_that_was_handed_in_is_taken_in_by_the_same_batch(farm: str, tmp_path: Path) -> None:
    packs, out = make_packs(tmp_path / "packs", base_seed=6), tmp_path / "out"
    command = ["--packs", str(packs.root), "--out", str(out), "--world", "mire"]
    left = submitted(farm, "poi", *command)
    assert (left["left"], left["code"]) == (2, 0)
    assert "`kilnmark batch poi --farm` with the same options takes the pictures in" in left["told"]
    result = CliRunner().invoke(batch, ["poi", *command, "--farm", farm, "--json"])
    assert msgspec.json.decode(result.stdout)["painted"] == 2


def test_nobody_races_what_nobody_waits_for(farm: str, tmp_path: Path) -> None:
    command = ["farm", "submit", str(lines(tmp_path / "c.jsonl")), "--race", "--farm", farm]
    ended = CliRunner().invoke(kilnmark, command)
    assert (ended.exit_code, "--race" in ended.stderr) == (2, True)
