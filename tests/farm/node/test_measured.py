"""What a node counts of its jobs."""

import pytest
from opentelemetry.trace import INVALID_SPAN

from kilnmark.farm.documents import FarmResult, JobState
from kilnmark.farm.node.measured import JobMeasures
from kilnmark.otel import names
from tests.otel.reading import Metered


def ending(state: JobState) -> FarmResult:
    return FarmResult(job_id="a", submitter="ann", submission="test", state=state)


def test_jobs_count_by_how_they_ended_and_not_where_another_was_first() -> None:
    metered = Metered()
    told = JobMeasures(metered.measures)
    states: list[JobState] = ["done", "done", "failed", "dead", "cancelled"]
    for state in states:
        told.ended(INVALID_SPAN, ending(state), counts=True)
    told.ended(INVALID_SPAN, ending("done"), counts=False)
    told.ended(INVALID_SPAN, None, error=OSError("the disk is full"))
    counted = {labels[names.FARM_STATE]: value for labels, value in metered.of(names.FARM_JOBS)}
    assert counted == {"done": 2, "failed": 1, "dead": 1, "cancelled": 1, "given_back": 1}


def test_what_is_fetched_adds_up_and_only_parts_that_were_done_have_a_duration() -> None:
    metered = Metered()
    told = JobMeasures(metered.measures)
    for count in (3, 4):
        with told.part(names.FARM_FETCH) as span:
            told.fetched(span, count)
    with pytest.raises(OSError, match="full"), told.part(names.FARM_COMMIT):
        raise OSError("the disk is full")
    assert metered.of(names.FARM_CONTENT_FETCHED) == [({}, 7)]
    assert metered.of(names.FARM_FETCH_DURATION) == [({}, 2)]
    assert metered.of(names.FARM_COMMIT_DURATION) == []
