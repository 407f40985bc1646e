"""Tables for people: whole paths where they are piped, nothing of a file name interpreted."""

import io

import msgspec
import pytest
from rich.console import Console

from kilnmark.client.cli.views.status import show_status
from kilnmark.client.cli.views.tables import adapter_table, console, print_facts, show_failure, show_render
from kilnmark.protocol.content.problems import Problem
from kilnmark.protocol.picture.beside import LayersBeside
from kilnmark.protocol.picture.draft import DRAFT_NOTICE
from kilnmark.protocol.picture.record import STANDIN_NOTICE
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.jobs import JobInfo, QueueInfo
from kilnmark.protocol.wire.replies import RenderResult, StackInfo, Timings
from kilnmark.protocol.wire.status import (
    CacheInfo,
    DegradedInfo,
    PacksInfo,
    PowerInfo,
    ProcessInfo,
    StatusResult,
    WorkerDeath,
    WorkerInfo,
    WorkerWords,
)

HEALTHY = AdapterReport(
    name="oak",
    path="/l/oak.safetensors",
    scale=0.5,
    total_key_count=988,
    matched_key_count=988,
    target_count=494,
    applied_target_count=494,
    delta_ratio=0.01234,
    verdict=Verdict.ENGAGED,
    reason="988 of 988 keys changed 494 layers",
)
DEAD = AdapterReport(name="ash", path="/l/ash.safetensors", verdict=Verdict.NOOP, reason="all updates are zero")
RESULT = RenderResult(
    job_id="j",
    image_path="/pictures/" + "deep/" * 40 + "a.png",
    width=64,
    height=128,
    seed=7,
    steps=2,
    guidance=3.5,
    variant="standin",
    prompt="a kiln",
    timings=Timings(total_ms=1500.0),
    loras=[HEALTHY, DEAD],
    stack=StackInfo(source="paths"),
    warnings=["tier was tuned for dev"],
)
WARMING = StatusResult(
    version="1",
    pid=2,
    uptime_s=3725.0,
    state="warming",
    variant="standin",
    base=None,
    worker=WorkerInfo(pid=None, restarts=2, last_error="it died"),
    jobs=[
        JobInfo(job_id="j", state="queued", priority="low", shared_with="k"),
        JobInfo(job_id="k", state="running", step=1, steps=4),
    ],
    rendered=5,
    failed=1,
    socket="/s",
    output_dir="/o",
    lora_roots=["/r1", "/r2"],
    queue=QueueInfo(low=1, switches=3, shared=2),
    cache=CacheInfo(hits=4, entries=5, bytes=6 << 20, limit_bytes=2 << 30),
)


def test_what_must_not_be_taken_for_a_picture_is_told_with_how_to_get_one(capsys: pytest.CaptureFixture[str]) -> None:
    show_render(console(), msgspec.structs.replace(RESULT, draft=True, notice=f"{STANDIN_NOTICE}; {DRAFT_NOTICE}"))
    shown = capsys.readouterr().out.splitlines()
    assert "size     64 x 128, 2 steps, guidance 3.5, a draft" in shown
    assert f"notice   {STANDIN_NOTICE}; {DRAFT_NOTICE}" in shown
    assert any(line.startswith("hint     `kilnmark serve --variant mini` paints real pictures") for line in shown)
    show_render(console(), RESULT)
    assert "notice" not in capsys.readouterr().out


def test_a_piped_result_keeps_its_path_whole_and_has_no_escape_codes(capsys: pytest.CaptureFixture[str]) -> None:
    show_render(console(), RESULT)
    printed = capsys.readouterr().out
    assert RESULT.image_path in printed
    assert "\x1b" not in printed
    assert "64 x 128" in printed
    assert "tier was tuned for dev" in printed


def test_each_adapter_has_its_row_and_no_sentence_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    console().print(adapter_table([HEALTHY, DEAD]))
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert rows["oak"].split() == ["oak", "engaged", "0.5", "988/988", "494/494", "0.0123"]
    assert rows["ash"].split() == ["ash", "noop", "1", "0/0", "0/0", "-"]


def test_what_the_sentence_of_a_failure_leaves_out_stands_above_it(capsys: pytest.CaptureFixture[str]) -> None:
    strong = msgspec.structs.replace(HEALTHY, name="elm", usual_scale=0.02, reason="at scale 0.02 it would be usual")
    show_failure(console(stderr=True), f"ash is noop: {DEAD.reason}", [HEALTHY, strong, DEAD])
    *_, told, sentence = capsys.readouterr().err.splitlines()
    assert told.split(maxsplit=1) == ["elm", "at scale 0.02 it would be usual"]
    assert sentence.endswith(DEAD.reason)


def test_every_figure_of_a_stack_fits_a_hundred_columns() -> None:
    figures = {"probe_divergence": 0.123, "stack_share": 0.5, "effective_share": 1.0, "quantized_survival": 0.034}
    stream = io.StringIO()
    stack = [msgspec.structs.replace(HEALTHY, name="oak-by-the-lake", **figures), DEAD]
    Console(file=stream, markup=False, width=100).print(adapter_table(stack))
    assert max(map(len, stream.getvalue().splitlines())) <= 100
    assert {"988/988", "0.0123", "rounding", "100%"} <= set(stream.getvalue().split())


def test_a_stack_shows_who_paints_and_what_is_left_of_each(capsys: pytest.CaptureFixture[str]) -> None:
    beside = [(0.91, 1.0), (0.09, 0.154)]
    stack = [msgspec.structs.replace(HEALTHY, stack_share=share, effective_share=left) for share, left in beside]
    console().print(adapter_table([*stack, DEAD]))
    heading, _, *rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert heading[-3:] == ["paints", "is", "left"]
    assert [row[6:8] for row in rows] == [["91%", "100%"], ["9%", "15%"], ["-", "-"]]


def test_one_alone_is_not_said_to_paint_all(capsys: pytest.CaptureFixture[str]) -> None:
    alone = msgspec.structs.replace(HEALTHY, stack_share=1.0, effective_share=1.0, quantized_survival=0.034)
    console().print(adapter_table([alone]))
    printed = capsys.readouterr().out
    assert "paints" not in printed
    assert "above rounding" in printed
    assert printed.split()[-1] == "3%"


def test_one_that_is_undone_on_some_layers_says_so_under_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    undone = LayersBeside(2, ("a.q", "a.k"), (), ("oak",))
    beside = msgspec.structs.replace(HEALTHY, undone_targets=undone, reason="undone")
    show_failure(console(stderr=True), "ash changes nothing", [HEALTHY, beside])
    assert capsys.readouterr().err.splitlines()[-2].split() == ["oak", "undone"]


def test_a_failure_is_one_sentence_under_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    show_failure(console(stderr=True), "ash changes nothing", [DEAD])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1] == "error: ash changes nothing"
    assert "noop" in captured.err


def test_names_from_files_are_shown_and_never_interpreted() -> None:
    stream = io.StringIO()
    hostile = AdapterReport(name="[red]a\x1b[2Jb", path="/a", verdict=Verdict.NOOP, reason="r")
    Console(file=stream, markup=False, width=200).print(adapter_table([hostile]))
    assert "[red]a\\x1b[2Jb" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_a_picture_of_a_genre_names_its_style(capsys: pytest.CaptureFixture[str]) -> None:
    stack = StackInfo(source="style", genre="ink", world="mire", tier="portrait")
    show_render(console(), msgspec.structs.replace(RESULT, stack=stack))
    assert "ink / mire / portrait" in capsys.readouterr().out


def test_status_shows_what_a_lost_worker_wrote_last_and_what_failed_first(capsys: pytest.CaptureFixture[str]) -> None:
    words = WorkerWords(lines=[f"line {i}" for i in range(200)], lines_before=7, first_failure="the first error")
    death = WorkerDeath(at="2026-01-01T00:00:00.000+00:00", pid=77, reason="why", words=words)
    worker = WorkerInfo(pid=None, restarts=1, last_error="why", death=death)
    show_status(console(), msgspec.structs.replace(WARMING, worker=worker))
    printed = capsys.readouterr().out
    told = [line for line in printed.splitlines() if "it wrote" in line]
    assert "process 77" in printed
    assert "197 lines before its last" in printed
    assert [line.split(maxsplit=2)[2] for line in told] == ["the first error", *(f"line {i}" for i in range(190, 200))]


def test_status_shows_since_when_and_why_there_is_no_worker_and_when_it_is_tried_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for wait, told in ((12.4, "tried again in 12 s"), (None, "is being tried again")):
        degraded = DegradedInfo(since="2026-01-01", reason="no such directory", tries=3, next_try_s=wait)
        worker = WorkerInfo(pid=None, restarts=1, degraded=degraded, renders=1, recycled=2)
        show_status(console(), msgspec.structs.replace(WARMING, state="degraded", worker=worker))
        printed = " ".join(capsys.readouterr().out.split())
        assert f"since 2026-01-01, 3 tries, {told}: no such directory" in printed
        assert "no process, 1 render, restarted once, replaced 2 times" in printed


def test_status_shows_packs_with_what_is_wrong_and_what_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    problem = Problem(file="ink/visual_style.yaml", line=3, entry="loras", message="is odd; mend it")
    packs = PacksInfo(folder="/p", genres=2, worlds=5, problem_count=4, problems=[problem], kept=["ink", "ink/mire"])
    show_status(console(), msgspec.structs.replace(WARMING, packs=packs))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    start = lines.index("packs /p: 2 genres, 5 worlds")
    assert lines[start + 1 : start + 4] == [
        "kept ink, ink/mire: as before an edit that broke them",
        "problem ink/visual_style.yaml:3: loras: is odd; mend it",
        "problem and 3 more",
    ]


def test_status_shows_a_daemon_whose_base_is_not_there_yet(capsys: pytest.CaptureFixture[str]) -> None:
    show_status(console(), WARMING)
    printed = capsys.readouterr().out
    for words in ("warming", "1 h 2 min", "no process, restarted 2 times", "k, step 1 of 4", "/r1", "/r2", "it died"):
        assert words in printed
    for words in (
        "0 high, 0 normal, 1 low; 3 switches of stack, 2 shared renders so far",
        "j, low priority, the picture of k",
        "5 pictures, 6 of 2048 MiB; 4 hits so far",
    ):
        assert words in printed


@pytest.mark.parametrize(
    ("power", "lines"),
    [
        (None, []),
        (PowerInfo(), ["power the machine does not say what it runs on"]),
        (PowerInfo(on_battery=False, hot="it is hot"), ["power on line, it is hot"]),
        (
            PowerInfo(on_battery=True, charge=41, paused=["normal", "low"], because="on battery, 41% left"),
            ["power on battery, battery at 41%", "paused normal, low priority: on battery, 41% left"],
        ),
    ],
)
def test_status_tells_of_power_and_of_what_waits_for_it(
    capsys: pytest.CaptureFixture[str], power: PowerInfo | None, lines: list[str]
) -> None:
    job = JobInfo(job_id="j", state="queued", paused="on battery, 41% left")
    show_status(console(), msgspec.structs.replace(WARMING, power=power, jobs=[job]))
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert [line for line in shown if line.startswith(("power", "paused"))] == lines
    assert "queued j, paused: on battery, 41% left" in shown


def test_a_cache_that_keeps_nothing_is_said_to_be_off(capsys: pytest.CaptureFixture[str]) -> None:
    show_status(console(), msgspec.structs.replace(WARMING, cache=CacheInfo()))
    assert "cache       off" in capsys.readouterr().out


def test_on_a_terminal_only_the_name_of_a_fact_is_bold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = io.StringIO()
    print_facts(Console(file=stream, force_terminal=True, color_system="standard"), [("base", "dev")])
    assert stream.getvalue() == "\x1b[1mbase  \x1b[0mdev\n"


def test_status_tells_what_the_log_could_not(capsys: pytest.CaptureFixture[str]) -> None:
    process = ProcessInfo(
        dropped_lines=1,
        settings_problem="queue_limit: no number",
        settings_waiting=["variant", "packs"],
        dropped_telemetry=3,
    )
    show_status(console(), msgspec.structs.replace(WARMING, process=process))
    shown = capsys.readouterr().out
    assert "1 line dropped, since nobody read" in shown
    assert "3 items dropped, since nobody took" in shown
    assert "not taken: queue_limit: no number" in shown
    assert "variant, packs: said anew, and need a start" in shown
