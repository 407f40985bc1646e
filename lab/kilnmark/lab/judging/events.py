"""What was judged, for traces: one event a cell and axis, as the conventions for evaluations have it.

Nothing is judged here, and without a tracer it costs nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Span

from kilnmark.lab.judging.report import CellStatus, JudgementReport
from kilnmark.otel import names
from kilnmark.otel.spans import mark_failed

__all__ = ["judging_span", "tell_scores"]


@contextmanager
def judging_span() -> Iterator[Span]:
    """The span of one judging; an error that leaves the block marks it."""
    with trace.get_tracer("kilnmark.lab").start_as_current_span(
        names.LAB_JUDGE, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:
            mark_failed(span, getattr(error, "kind", type(error).__name__), str(error))
            raise


def tell_scores(span: Span, report: JudgementReport) -> None:
    """Put every score of a judging on its span."""
    span.set_attributes(
        {
            names.LAB_VERDICT: str(report.verdict),
            names.LAB_BARS: report.bars,
            names.LORA_SHA256: report.adapter.sha256,
            names.GEN_AI_PROVIDER_NAME: report.judge.kind,
            names.GEN_AI_REQUEST_MODEL: report.judge.name,
        }
    )
    for cell in report.cells:
        if cell.status is not CellStatus.JUDGED:
            continue
        for score in cell.scores:
            label = {None: "unbarred", True: "pass", False: "fail"}[cell.passed.get(score.axis)]
            span.add_event(
                names.EVALUATION_RESULT,
                {
                    names.EVALUATION_NAME: report.title(score.axis),
                    names.EVALUATION_SCORE: score.score,
                    names.EVALUATION_LABEL: label,
                    names.EVALUATION_EXPLANATION: score.sentence,
                    names.LAB_CELL: cell.name,
                },
            )
