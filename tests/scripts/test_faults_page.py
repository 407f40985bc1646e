"""The page of the faults: each has its row, a broken promise is shown and counted, a missing figure is null."""

from scripts.bench_promises import FAULT_PROMISES, broken, lacking
from scripts.faults import chosen, document, table
from tests.benchmarks.figures import Fault, Headline, Line

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


def test_what_is_timed_is_injected_first() -> None:
    assert chosen([])[0].endswith("test_kills.py")
    assert [path.rpartition("/")[2] for path in chosen(["kills"])] == ["test_kills.py"]
