"""What a node tells of its jobs: the span of each and of its parts, and the metrics of all."""

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from opentelemetry.trace import Span

from kilnmark.farm.documents import FarmJob, FarmResult
from kilnmark.farm.node.traced import end_job, job_span, part_span
from kilnmark.otel import names
from kilnmark.otel.measures import Measures
from kilnmark.otel.spans import describe

__all__ = ["JobMeasures"]

_DURATIONS: Final = {
    names.FARM_FETCH: names.FARM_FETCH_DURATION,
    names.FARM_COMMIT: names.FARM_COMMIT_DURATION,
}


class JobMeasures:
    """Spans and metrics of the jobs of one node.

    Args:
        measures: Of its process.
    """

    def __init__(self, measures: Measures) -> None:
        self._measures = measures

    def job(self, headers: Mapping[str, str] | None, job: FarmJob, node: str) -> AbstractContextManager[Span]:
        """The span of one, current within the block. Arguments are those of `job_span`."""
        return job_span(headers, job, node)

    @contextmanager
    def part(self, name: names.SpanName) -> Iterator[Span]:
        """The span of a part of one; its time counts where it was done."""
        began = time.monotonic()
        with part_span(name) as span:
            yield span
            self._measures.record(_DURATIONS[name], time.monotonic() - began)

    def fetched(self, span: Span, count: int) -> None:
        """So many bytes had to be fetched for one.

        Args:
            span: Of that part.
            count: Bytes.
        """
        describe(span, {names.FARM_FETCHED_BYTES: count})
        self._measures.count(names.FARM_CONTENT_FETCHED, count)

    def ended(
        self, span: Span, ending: FarmResult | None, *, counts: bool = False, error: BaseException | None = None
    ) -> None:
        """How one ended here; what another node was first with is not counted. Arguments are those of `end_job`."""
        end_job(span, ending, counts=counts, error=error)
        if ending is None or counts:
            state = "given_back" if ending is None else ending.state
            self._measures.count(names.FARM_JOBS, 1, {names.FARM_STATE: state})
