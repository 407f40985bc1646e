"""The page of the faults: each has its row, a broken promise is shown and counted, a missing figure is null.

And what counts as lost, or as done twice, is seen where it is so.
"""

import msgspec
import pytest

from kilnmark.daemon.jobs.events import JobAccepted, JobEnded, JobEvent, RenderBegun
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.work import RenderCommand
from scripts.bench_promises import FAULT_PROMISES, broken, lacking
from scripts.faults import ALONE, FAULTS, LONGEST_FIRST, chosen, document, table
from tests.benchmarks.figures import Fault, Headline, Line
from tests.faults.accounts import done_twice, lost
from tests.faults.callers import Got

KEPT = Fault(theme="disk", what="it is full", promised="told", found="ENOSPC | told", kept=True)
BROKEN = Fault(theme="kills", what="a kill", promised="nothing lost", found="two\nlost", kept=False)
LINES: list[Line] = [Headline(name="lost", value=2.0), BROKEN, KEPT]


def test_every_fault_has_a_row_below_its_theme_and_a_broken_promise_is_seen() -> None:
    shown = table(LINES)
    assert "2 faults, 1 promises kept." in shown
    assert shown.index("### kills") < shown.index("two lost") < shown.index("### disk") < shown.index("ENOSPC \\| told")
    assert [line.split("|")[-2].strip() for line in shown.splitlines() if "a kill" in line] == ["NO"]


def test_the_document_counts_and_a_figure_that_was_not_measured_is_null() -> None:
    found = document(LINES)
    assert (found["faults"], found["kept"], found["lost"], found["kills"]) == (2, 1, 2.0, None)
    assert broken(LINES, FAULT_PROMISES) == ["lost"]
    assert "kills" in lacking(LINES, FAULT_PROMISES)


def test_every_theme_is_run_and_what_is_timed_first() -> None:
    themes = {path.stem.removeprefix("test_") for path in FAULTS.glob("test_*.py")}
    assert set(chosen([])) == themes == {*ALONE, *LONGEST_FIRST}
    assert chosen(["disk", "load"]) == ["load", "disk"]


COMMAND = msgspec.convert(
    {
        "job_id": "a",
        "variant": "standin",
        "prompt": "tor",
        "negative_prompt": None,
        "tier": None,
        "seed": 7,
        "steps": 1,
        "guidance": 3.5,
        "width": 64,
        "height": 64,
        "lora_names": [],
        "lora_paths": [],
        "lora_scales": [],
        "stack": {"source": "none"},
        "on_mismatch": "error",
    },
    RenderCommand,
    strict=False,
)
ACCEPTED = JobAccepted(at=0.0, job_id="a", params=RenderParams(prompt="tor"), command=COMMAND, repeatable=True)
BEGUN, ENDED = RenderBegun(at=1.0, job_ids=("a",)), JobEnded(at=2.0, job_id="a")


@pytest.mark.parametrize(
    ("events", "twice"),
    [
        ([ACCEPTED, BEGUN, BEGUN, ENDED], []),
        ([ACCEPTED, BEGUN, ENDED, ACCEPTED, BEGUN, ENDED], []),
        ([ACCEPTED, BEGUN, ENDED, ENDED], ["a"]),
        ([ACCEPTED, BEGUN, ENDED, BEGUN], ["a"]),
    ],
)
def test_a_job_that_was_done_twice_is_seen(events: list[JobEvent], twice: list[str]) -> None:
    assert done_twice(events) == twice


def test_a_picture_that_nobody_got_and_a_job_without_an_end_are_lost() -> None:
    got = [Got("batch", "tor", problem="exit 1")]
    assert lost(got, [ACCEPTED, BEGUN]) == ["batch: tor: exit 1", "a"]
    assert lost([], [ACCEPTED, BEGUN, ENDED]) == ["a"]  # it ended without a picture
    assert lost([], []) == []
