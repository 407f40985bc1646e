"""The table of jobs, as a terminal and a pipe have it."""

import io
from datetime import UTC, datetime, timedelta, timezone

import pytest
from rich.console import Console

from kilnmark.client.cli.views.jobs import show_jobs
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.jobs import AdapterBadge, JobInfo

NOW = datetime(2026, 11, 27, 21, 0, tzinfo=timezone(timedelta(hours=1)))
LONG = "0123456789abcdef" * 2
DONE = JobInfo(
    job_id=LONG,
    state="done",
    accepted="2026-11-27T19:10:05.123+00:00",
    ended="2026-11-27T19:12:00.000+00:00",
    painted_ms=31_449.0,
    prompt="a kiln at the edge of a moor, seen from above, with long shadows and smoke",
)
CACHED = JobInfo(
    job_id="c",
    state="done",
    accepted="2026-11-25T19:10:05.123+00:00",
    ended="2026-11-25T19:10:06.000+00:00",
    cached=True,
    priority="high",
    prompt="a kiln",
)


def shown(*jobs: JobInfo, width: int | None = None, now: datetime = NOW) -> list[str]:
    """Lines for a terminal of that width; None: for a pipe."""
    out = io.StringIO()
    terminal = width is not None
    show_jobs(Console(file=out, width=width or 100_000, force_terminal=terminal, color_system=None), jobs, now)
    return out.getvalue().splitlines()


def test_a_pipe_gets_a_line_each_with_its_id_first_and_its_prompt_whole() -> None:
    header, done, cached = shown(DONE, CACHED)
    assert header.split() == ["job", "state", "accepted", "ended", "painted", "priority", "prompt"]
    assert done.split()[:6] == [LONG, "done", "20:10:05", "20:12:00", "31.4", "s"]
    assert done.endswith(f"normal    {DONE.prompt}")
    assert cached.split()[:2] == ["c", "done"]
    assert [cell.strip() for cell in cached.split("  ") if cell.strip()][2:] == [
        *("Nov 25 20:10", "Nov 25 20:10", "cached", "high", "a kiln"),
    ]


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_terminal_gets_no_line_that_is_wider_and_every_id_whole(width: int) -> None:
    lines = shown(DONE, CACHED, width=width)
    assert max(map(len, lines)) <= width
    assert any(LONG in line for line in lines)
    assert any(line.rstrip().endswith("...") for line in lines)


def test_what_an_adapter_failed_in_stands_before_the_prompt() -> None:
    badges = [
        AdapterBadge(name="ash", verdict=Verdict.NOOP),
        AdapterBadge(name="ink", verdict=Verdict.PARTIAL),
        AdapterBadge(name="oak", verdict=Verdict.ENGAGED),
        AdapterBadge(name="fen"),
    ]
    _, line = shown(JobInfo(job_id="d", state="done", prompt="a kiln", adapters=badges))
    assert line.endswith("noop: ash; partial: ink; a kiln")


def test_where_ids_are_short_a_narrow_terminal_gets_one_line_a_job() -> None:
    header, cached = shown(CACHED, width=80)
    assert header.startswith("job")
    assert cached.endswith("a kiln")


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (JobInfo(job_id="r", state="running", step=3, steps=12, prompt="x"), "3/12"),
        (JobInfo(job_id="q", state="queued", paused="on battery", prompt="x"), "paused: on battery; x"),
        (JobInfo(job_id="s", state="queued", shared_with="r", prompt="x"), "the picture of r; x"),
        (JobInfo(job_id="m", state="done", painted_ms=125_400.0, prompt="x"), "2m 05s"),
        (JobInfo(job_id="e", state="done", prompt="a\x1b[2Jb"), r"a\x1b[2Jb"),
    ],
)
def test_what_is_to_be_known_of_a_job_stands_in_its_line(job: JobInfo, words: str) -> None:
    assert words in shown(job)[1]


def test_an_older_daemon_that_says_no_times_is_shown_without() -> None:
    assert shown(JobInfo(job_id="o", state="done"))[1].split() == ["o", "done", "-", "-", "-", "normal", "-"]


def test_a_job_of_another_year_has_its_date_alone_and_days_are_those_of_the_zone() -> None:
    assert "2026-11-27" in shown(DONE, now=NOW.replace(year=2027))[1]
    assert "Nov 27 19:10" in shown(DONE, now=datetime(2026, 11, 28, 0, 30, tzinfo=UTC))[1]


def test_letters_of_two_columns_fit_too() -> None:
    from rich.cells import cell_len

    wide = JobInfo(job_id="w", state="done", prompt="窯" * 80)
    assert max(map(cell_len, shown(wide, width=80))) <= 80


def test_no_jobs_are_said_to_be_none() -> None:
    assert shown() == ["no jobs so far"]


FAILED = JobInfo(
    job_id="f",
    state="failed",
    accepted="2026-11-27T19:10:05.123+00:00",
    ended="2026-11-27T19:10:06.000+00:00",
    prompt="a kiln",
    style="ink/harbour, portrait",
    reason="the adapter 'wash' is all zeros, so that it would change nothing; name another file, or take it out " * 2,
)


def test_a_job_says_its_style_before_its_prompt_and_why_it_has_no_picture() -> None:
    _, piped = shown(FAILED)
    assert piped.endswith(f"ink/harbour, portrait; a kiln; because: {FAILED.reason.rstrip()}")
    _, row, below = shown(FAILED, width=80)
    assert "ink/harbour" in row
    assert below.startswith("  because: the adapter 'wash' is all zeros")
    assert len(below) <= 80
    assert below.endswith("...")
