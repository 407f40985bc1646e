"""`lab promote` and `lab demote` as they are typed, up to a daemon that paints promoted adapters alone."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kilnmark.client.cli.main import _run
from kilnmark.lab.run.folder import open_run, read_state
from tests.daemon.conftest import FakeDaemon
from tests.lab.promotion.candidates import verified_run

STYLE = """\
base_seed: 77
require_promoted: true
loras:
  - {name: wash, file: loras/ink.safetensors, scale: 0.8, applies_to: [portrait]}
"""

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    def call(*words: str | Path) -> tuple[int, str, str]:
        code = _run(["lab", *map(str, words)], as_json="--json" in words)
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return verified_run(tmp_path / "run")


@pytest.fixture
def packs(run: Path, tmp_path: Path) -> Path:
    loras = tmp_path / "packs" / "tides" / "loras"
    loras.mkdir(parents=True)
    (loras.parent / "visual_style.yaml").write_text(STYLE)
    (loras / "ink.safetensors").write_bytes((run / "checkpoints/ink-200.safetensors").read_bytes())
    return tmp_path / "packs"


def promotions(run: Path) -> list[tuple[str, str, bool]]:
    state = read_state(run)
    return [] if state is None else [(one.genre, one.name, one.demoted) for one in state.promotions]


def test_a_run_is_promoted_and_demoted_and_its_state_says_so(typed: Typed, run: Path, packs: Path) -> None:
    words = ("promote", run, "--genre", "tides", "--packs", packs, "--signed-by", "Ada")
    code, out, _ = typed(*words, "--json")
    document: dict[str, Any] = json.loads(out)
    assert (code, document["name"], document["changed"]) == (0, "ink", True)
    assert document["manifest"] == str(packs / "tides" / "loras.yaml")
    code, out, _ = typed(*words)
    assert (code, "as it was already" in out, "lies outside of the packs" in out) == (0, True, True)
    assert promotions(run) == [("tides", "ink", False)]
    gone = ("demote", "ink", "--genre", "tides", "--packs", packs, "--why", "it smears", "--by", "Bo", "--run", run)
    assert typed(*gone)[0] == 0
    assert promotions(run)[-1] == ("tides", "ink", True)
    code, _, err = typed(*gone)
    assert (code, "'ink' is not promoted in tides" in err) == (2, True)


def test_a_run_that_is_not_verified_is_refused_with_the_command_that_verifies_it(
    typed: Typed, run: Path, packs: Path
) -> None:
    with open_run(run) as held:
        held.change(verification=None)
    code, out, _ = typed("promote", run, "--genre", "tides", "--packs", packs, "--signed-by", "Ada", "--json")
    assert (code, json.loads(out)["error"]["kind"]) == (3, "promotion_refused")
    assert not (packs / "tides" / "loras.yaml").exists()
    assert promotions(run) == []


@pytest.mark.parametrize("more", [[], ["--genre", "tides", "--signed-by", " "]])
def test_a_genre_and_a_name_are_needed(typed: Typed, run: Path, packs: Path, more: list[str]) -> None:
    code, _, _ = typed("promote", run, "--packs", packs, *(more or ["--signed-by", "Ada"]))
    assert code == 2


def test_what_the_daemon_refuses_it_paints_after_the_command_that_it_told(typed: Typed, run: Path, packs: Path) -> None:
    asked = {"prompt": "a mill", "genre": "tides", "tier": "portrait", "width": 64, "height": 64, "steps": 1}
    with FakeDaemon(packs=packs) as daemon, daemon.warm().wire() as wire:
        message = wire.error("render", asked)["message"]
        told = message.partition("promote it with `")[2].partition("`")[0]
        words = shlex.split(told.replace("--run RUN", f"--run {shlex.quote(str(run))}").replace("NAME", "Ada"))
        assert typed(*words[2:])[0] == 0
        [lora] = wire.result("render", asked)["loras"]
        assert lora["verdict"] == "engaged"
        assert typed("demote", "ink", "--genre", "tides", "--packs", packs, "--why", "it smears", "--by", "Bo")[0] == 0
        assert "was demoted by Bo at" in wire.error("render", asked)["message"]


def test_a_promotion_that_was_killed_before_the_run_knew_of_it_is_noted_by_the_next(
    typed: Typed, run: Path, packs: Path
) -> None:
    words = ("promote", run, "--genre", "tides", "--packs", packs, "--signed-by", "Ada")
    typed(*words)
    with open_run(run) as held:
        held.change(promotions=())
    assert typed(*words)[0] == 0
    assert promotions(run) == [("tides", "ink", False)]
