"""The benchmark of a card: it ends by itself, tells what did not fit, and all of its code runs without a card."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from scripts import bench_gpu
from scripts.bench_gpu import Section, beside_diffusers, document, line_of, run, run_one
from scripts.bench_page import gpu_table, write_gpu_page
from tests.benchmarks.figures import Figure, Headline, Line, Missing, Platform

ROOT = Path(__file__).resolve().parents[2]
STEP = Figure(part="step", base="bfloat16", what="no adapter", who="kilnmark, fast", value=180.0)


def python(code: str) -> Section:
    return Section("bf16", 1.0, 1.0, lambda _: [sys.executable, "-c", code])


def test_a_part_that_does_not_end_is_ended_and_says_so(tmp_path: Path) -> None:
    waits = python("import threading; threading.Event().wait()")
    assert run_one(waits, 0.2, {}, tmp_path / "figures") == "it was ended after 0 s"


def test_a_part_that_fails_says_so_and_one_that_ends_says_nothing(tmp_path: Path) -> None:
    assert run_one(python("raise SystemExit(3)"), 20.0, {}, tmp_path / "figures") == "it ended with status 3"
    assert run_one(python(""), 20.0, {}, tmp_path / "figures") is None


def test_what_no_time_is_left_for_is_told_and_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_gpu, "with_torch", lambda: None)
    failed, lines = run(0.0, [], small=False)
    missing = [line for line in lines if isinstance(line, Missing)]
    assert failed == []
    assert [line.part for line in missing] == ["step", "bf16", "q8", "pictures", "q4"]
    assert "no Python here has torch" in missing[0].reason
    assert "0 s of 0 were left, and it takes 40" in gpu_table(lines)


def test_what_diffusers_tells_becomes_figures_of_one_table() -> None:
    told: Sequence[dict[str, object]] = [
        {"facts": {"torch": "2"}},
        {"part": "step", "what": "no adapter", "who": "diffusers, eager", "value": 172.0, "ratio": None, "rounds": 5},
        {"part": "step", "what": "1", "who": "diffusers, eager, PEFT", "value": 200.0, "ratio": 1.2, "rounds": 5},
        {"part": "step", "what": "4", "who": "diffusers, eager, PEFT", "missing": "PEFT is not installed"},
    ]
    lines = [line_of(each) for each in told]
    assert [type(line) for line in lines] == [Platform, Figure, Figure, Missing]
    assert beside_diffusers([STEP, *lines]) == [Headline(name="step_bf16_vs_diffusers_eager", value=180 / 172)]
    assert beside_diffusers([STEP]) == []
    shown = gpu_table([STEP, *lines])
    assert "1.20 of no adapter, diffusers, eager" in shown
    assert "not measured: PEFT is not installed" in shown


def test_the_object_has_every_promise_of_a_card() -> None:
    found = document([STEP, Headline(name="flip_ms", value=0.4)])
    assert (found["flip_ms"], found["traces_on_flip"]) == (0.4, None)
    assert found["figures"] == [STEP]


def test_the_table_of_a_card_stands_between_its_own_marks(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("a\n<!-- bench-gpu: begin -->\nnone\n<!-- bench-gpu: end -->\nb\n<!-- bench: begin -->\nc\n")
    lines: list[Line] = [Platform(facts={"card": "H200", "date": "2026-11-27"}), STEP]
    write_gpu_page(tmp_path, lines)
    write_gpu_page(tmp_path, lines)
    text = page.read_text()
    assert text.startswith("a\n<!-- bench-gpu: begin -->\ncard H200, date 2026-11-27")
    assert text.endswith("<!-- bench-gpu: end -->\nb\n<!-- bench: begin -->\nc\n")
    assert text.count("kilnmark, fast") == 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all_of_it_runs_on_a_machine_without_a_card(tmp_path: Path) -> None:
    result = tmp_path / "card.json"
    command = [sys.executable, "-m", "scripts.bench_gpu", "--small", "--seconds", "800", "--json", str(result)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(result.read_bytes())
    seen = {(each["part"], each["base"], each["what"], each["who"]) for each in found["figures"]}
    for base in ("float32", "q8", "q4"):
        for who in ("kilnmark, fast", "mflux, and ours in exact"):
            assert ("step", base, "no adapter", who) in seen
        for who in ("kilnmark, fast", "kilnmark, exact", "mflux, unbaked layers"):
            assert {("step", base, f"{count} of rank 16", who) for count in (1, 4)} <= seen
        assert ("switch", base, "A-B-A flip", "kilnmark, fast") in seen
    assert found["traces_on_flip"] == 0
    assert found["share_of_steps"] > 0
    assert found["machine"]["card"]
