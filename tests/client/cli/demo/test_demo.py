"""The demonstration as a newcomer runs it: everything caught, everything left where it says."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kilnmark.client.traces.passing import of_file
from kilnmark.protocol.picture.record import CHUNK, decode_record
from kilnmark.protocol.picture.report import Verdict
from tests.client.here import KILNMARK

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HEALTHY = {name: name.split("+") for name in ("woodcut", "gouache", "woodcut+gouache", "balloon")}
DEAD = {"woodcut-renamed": 0, "gouache-zeroed": 1}
"""Shares of keys that are known."""
WORLDS = {"carding_moor": ["gouache", "balloon"], "brine_exchange": ["woodcut"]}


@pytest.fixture(scope="module")
def folder_of_the_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "made by it"


@pytest.fixture(scope="module")
def shown(folder_of_the_demo: Path) -> dict[str, Any]:
    command = [KILNMARK, "demo", "--json", "--output", str(folder_of_the_demo)]
    ended = subprocess.run(command, capture_output=True, timeout=280, check=False)
    assert ended.returncode == 0, ended.stderr.decode()
    document: dict[str, Any] = json.loads(ended.stdout)
    return document


@pytest.fixture(scope="module")
def findings(shown: dict[str, Any]) -> dict[str, Any]:
    return {finding["name"]: finding for finding in shown["findings"]}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_adapters_are_engaged_whole_and_move_the_pixels(findings: dict[str, Any], name: str) -> None:
    reports = findings[name]["reports"]
    assert [report["name"] for report in reports] == HEALTHY[name]
    assert {report["verdict"] for report in reports} == {"engaged"}
    for report in reports:
        assert report["matched_key_count"] == report["total_key_count"] > 0
        assert report["applied_target_count"] == report["target_count"] > 0
    assert findings[name]["pixels_moved"] > 1


@pytest.mark.parametrize("name", DEAD)
def test_dead_adapters_are_caught_and_move_no_pixel(findings: dict[str, Any], name: str) -> None:
    (report,) = findings[name]["reports"]
    assert report["verdict"] == "noop"
    assert report["matched_key_count"] == DEAD[name] * report["total_key_count"]
    assert report["applied_target_count"] == 0
    assert findings[name]["pixels_moved"] == 0


def test_in_a_stack_of_three_only_the_dead_one_is_accused(shown: dict[str, Any]) -> None:
    assert shown["accused"] == ["woodcut-renamed"]
    assert "gouache" not in shown["refusal"]
    assert "balloon" not in shown["refusal"]


def test_each_world_of_the_sample_pack_gets_its_own_stack_and_all_of_it_engages(shown: dict[str, Any]) -> None:
    assert {world["stack"]["world"]: world["stack"]["names"] for world in shown["worlds"]} == WORLDS
    assert {report["verdict"] for world in shown["worlds"] for report in world["loras"]} == {"engaged"}
    assert [world["stack"]["excluded"] for world in shown["worlds"]] == [[], ["gouache", "woodcut"]]


def test_the_base_is_unchanged(shown: dict[str, Any]) -> None:
    assert shown["base_unchanged"] is True


def test_every_picture_says_what_it_is(shown: dict[str, Any], folder_of_the_demo: Path) -> None:
    pictures = sorted(path.stem for path in (folder_of_the_demo / "pictures").iterdir())
    assert pictures == sorted([*HEALTHY, *DEAD, "without", "without-again", *WORLDS])
    with Image.open(folder_of_the_demo / "pictures" / "woodcut-renamed.png") as picture:
        record = decode_record(picture.info[CHUNK])
    assert (record.notice, record.loras[0].verdict) == ("", Verdict.NOOP)


def test_all_of_them_are_on_one_sheet(shown: dict[str, Any], folder_of_the_demo: Path) -> None:
    assert shown["sheet"] == str(folder_of_the_demo / "sheet.png")


def test_the_folder_holds_a_page_a_sheet_and_the_rest_in_folders(
    shown: dict[str, Any], folder_of_the_demo: Path
) -> None:
    assert shown["page"] == str(folder_of_the_demo / "index.html")
    left = sorted(path.name for path in folder_of_the_demo.iterdir())
    assert left == ["adapters", "daemon.log", "index.html", "pictures", "sheet.png", "trace.jsonl"]


def test_the_trace_file_holds_every_render(shown: dict[str, Any], folder_of_the_demo: Path) -> None:
    told: list[str] = []
    renders = list(of_file(folder_of_the_demo / "trace.jsonl", follow=False, tell=told.append))
    assert len(renders) == len(HEALTHY) + len(DEAD) + len(WORLDS) + 3
    assert {each.name for render in renders for each in render.adapters if each.verdict == "noop"} == set(DEAD)
    assert (shown["spans"] > len(renders), told) == (True, [])
