"""`kilnmark trace`: what people see of renders as they pass, and what programs do."""

import json
import threading
import time
from pathlib import Path

import pytest

from kilnmark.client import AdapterNotEngaged, Client
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.otel import names
from kilnmark.protocol.picture.report import Verdict
from tests.client.here import run_here
from tests.client.traces.test_spans import paint, tracer_to


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "traces.jsonl"
    tracer = tracer_to(made)
    paint(tracer, "engaged", "noop", **{names.RENDER_GENRE: "ink", names.RENDER_VARIANT: "mini"})
    paint(tracer, **{names.RENDER_TIER: "scene", names.RENDER_SOURCE: "cached"})
    return made


def test_each_render_is_a_line_with_one_for_each_adapter(path: Path) -> None:
    done = run_here("trace", str(path))
    assert done.returncode == 3
    head, parts, engaged, dead, cached, *_ = done.stdout.splitlines()
    assert [word in head for word in ("portrait", "ink", "mini")] == [True] * 3
    assert "denoise" in parts
    assert engaged.split() == ["engaged", "684/684", "adapter", "0", "at", "0.8"]
    assert dead.split()[:2] == ["noop", "0/684"]
    assert [word in cached for word in ("done (cached)", "no adapters")] == [True] * 2
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_programs_get_a_line_of_json_a_render_and_those_asked_for(path: Path) -> None:
    done = run_here("trace", str(path), "--json", "--dead")
    [render] = [json.loads(line) for line in done.stdout.splitlines()]
    assert (render["tier"], [each["verdict"] for each in render["adapters"]]) == ("portrait", ["engaged", "noop"])


def test_names_do_nothing_to_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    paint(tracer_to(path), **{names.RENDER_TIER: "\x1b]0;owned\x07", names.LORA_NAMES: ["[red]x\x1b[2J"]})
    assert "\x1b" not in run_here("trace", str(path)).stdout


@pytest.mark.parametrize("arguments", [(), ("--live", "-f"), ("no-such-file",)])
def test_what_cannot_be_meant_is_told(arguments: tuple[str, ...]) -> None:
    assert run_here("trace", *arguments).returncode == 2


def test_a_file_without_renders_is_no_clean_bill(tmp_path: Path) -> None:
    empty, other = tmp_path / "empty.jsonl", tmp_path / "other.jsonl"
    empty.touch()
    other.write_text('{"level": "info"}\n')
    assert "has no render in it" in run_here("trace", str(empty)).stderr
    done = run_here("trace", str(other))
    assert (done.returncode, "--trace-file" in done.stderr) == (2, True)


def test_a_daemons_renders_are_shown_as_they_end() -> None:
    with InProcessDaemon() as daemon:
        ink = make_adapter(daemon.loras / "ink.safetensors", rank=2, blocks=1)
        daemon.worker.script.verdicts["ink"] = Verdict.NOOP

        def ask() -> None:
            deadline = time.monotonic() + 60
            while not daemon.watchers and time.monotonic() < deadline:
                time.sleep(0.01)
            with Client(daemon.socket) as client:
                client.render("a mill", seed=1, width=64, height=64)
                with pytest.raises(AdapterNotEngaged):
                    client.render("a mill", lora_paths=[ink], lora_scales=[1.0], tier="portrait")
            daemon.shut_down()

        asking = threading.Thread(target=ask)
        asking.start()
        done = run_here("trace", "--live", "--json", "--socket", str(daemon.socket))
        asking.join()
    renders = [json.loads(line) for line in done.stdout.splitlines()]
    assert [render["outcome"] for render in renders] == ["done", "failed"]
    assert renders[1]["adapters"][0]["verdict"] == "noop"
