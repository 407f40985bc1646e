"""The dry run: dead adapters are told before the night, with file and line, and what it will come to."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from kilnmark.client.cli.commands.batch import batch
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.exits import ExitCode
from tests.client.batch.packs import SmallPacks, make_packs

NOBODY = "/nowhere/daemon.sock"
OWN = """\
chapters:
  - points_of_interest:
      - name: Reed Gate
        visual_prompt: a gate
        loras: [{file: own.safetensors, scale: 0.5}]
"""


@pytest.fixture
def packs(tmp_path: Path) -> SmallPacks:
    return make_packs(tmp_path / "packs", base_seed=7)


def invoke(packs: SmallPacks, out: Path, *more: str, socket: str | Path = NOBODY) -> Result:
    line = ["poi", "--packs", str(packs.root), "--out", str(out), "--socket", str(socket), *more]
    return CliRunner().invoke(batch, line)


def document(packs: SmallPacks, out: Path, *more: str, socket: str | Path = NOBODY) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(invoke(packs, out, "--json", *more, socket=socket).stdout)
    return found


def test_a_dead_adapter_is_told_before_the_night_by_whose_document_asks_for_it(
    packs: SmallPacks, tmp_path: Path
) -> None:
    make_adapter(packs.ink, blocks=1, rank=1, dead=True)
    packs.write("worlds/fen/history.yaml", OWN)
    make_adapter(packs.root / "ash/worlds/fen/own.safetensors", blocks=1, rank=1, dead=True)
    result = invoke(packs, tmp_path / "out", "--dry-run")
    assert result.exit_code == ExitCode.NOT_ENGAGED
    assert (
        "ash/visual_style.yaml:4: loras[0].file: is noop on standin: all 20 updates are exactly zero" in result.stdout
    )
    assert "ash/worlds/fen/history.yaml:5: " in result.stdout
    assert "adapters  3, 2 of them dead\n" in result.stdout
    assert result.stdout.count("ash/visual_style.yaml:4") == 1
    assert not (tmp_path / "out").exists()


def test_a_file_that_cannot_be_read_as_an_adapter_is_dead_too(packs: SmallPacks, tmp_path: Path) -> None:
    packs.ink.write_bytes(packs.ink.read_bytes()[:-8])
    result = invoke(packs, tmp_path / "out", "--dry-run")
    assert result.exit_code != ExitCode.DONE
    assert "ash/visual_style.yaml:4" in result.output


def test_with_problems_beside_dead_adapters_the_adapters_decide_the_exit_code(
    packs: SmallPacks, tmp_path: Path
) -> None:
    make_adapter(packs.ink, blocks=1, rank=1, dead=True)
    packs.write("worlds/fen/history.yaml", "chapters:\n  - points_of_interest: [{name: 7}]\n")
    assert invoke(packs, tmp_path, "--dry-run").exit_code == ExitCode.NOT_ENGAGED


def test_a_sound_plan_has_its_totals_and_says_that_no_time_is_known(packs: SmallPacks, tmp_path: Path) -> None:
    found = document(packs, tmp_path / "out", "--dry-run")
    assert found["totals"] == {
        "pictures": 3,
        "there": 0,
        "drafts": 0,
        "adapters": 2,
        "dead": 0,
        "switches": 1,
        "seconds": None,
        "unknown": 3,
        "measured": "",
        "elsewhere": {},
        "refused": [],
    }
    assert [(each["name"], each["verdict"], each["dead"]) for each in found["adapters"]] == [
        ("moss", "engaged", []),
        ("ink", "engaged", []),
    ]
    words = invoke(packs, tmp_path / "out", "--dry-run").stdout
    assert "pictures  3\n" in words
    assert "time      not known: no step was measured on these bases yet\n" in words


def test_what_is_there_is_not_counted_again_and_a_daemon_tells_what_it_drafts(
    packs: SmallPacks, tmp_path: Path
) -> None:
    packs.write("tiers.yaml", "landscape: {width: 512, height: 256, steps: 6, variant: standin}\n")
    out = tmp_path / "out"
    with InProcessDaemon(lora_roots=(packs.root,), drafts="auto") as daemon:
        assert document(packs, out, "--world", "mire", socket=daemon.socket)["painted"] == 2
        planned = document(packs, out, "--dry-run", socket=daemon.socket)
        words = invoke(packs, out, "--dry-run", socket=daemon.socket).stdout
    assert [item["draft"] for item in planned["items"]] == [True] * 3
    assert planned["items"][0]["output"] == str(out / "ash/fen/poi/reed-gate.draft.png")
    assert "128x64, 2 steps on standin, a draft\n" in words
    totals = planned["totals"]
    assert (totals["pictures"], totals["there"], totals["drafts"], totals["switches"]) == (3, 2, 3, 0)
    assert totals["measured"] == "daemon"
    assert totals["unknown"] == 0
    assert totals["seconds"] is not None


def test_a_base_that_the_daemon_has_not_is_told_with_what_it_paints_on_and_cannot(
    packs: SmallPacks, tmp_path: Path
) -> None:
    packs.write("tiers.yaml", "landscape: {width: 64, height: 64, steps: 1, variant: flux2-klein-4b}\n")
    Image.new("RGB", (64, 64)).save(packs.root / "ash/worlds/fen/gate.png")
    entry = "chapters:\n  - points_of_interest: [{name: Reed Gate, description: x, reference_images: [gate.png]}]\n"
    packs.write("worlds/fen/history.yaml", entry)
    with InProcessDaemon(lora_roots=(packs.root,)) as daemon:
        result = invoke(packs, tmp_path / "out", "--dry-run", "--genre", "ash", socket=daemon.socket)
    assert "base      'flux2-klein-4b' is not served; those pictures would be of 'standin'\n" in result.stdout
    assert "refused   Reed Gate (ash/worlds/fen/history.yaml:2) is meant for 'flux2-klein-4b'" in result.stdout
    assert result.exit_code != ExitCode.DONE
