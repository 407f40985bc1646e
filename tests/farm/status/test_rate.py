"""A rate that a person can believe, after an hour in which nobody asked for anything."""

from datetime import UTC, datetime, timedelta

from kilnmark.farm.status.documents import SubmissionStatus
from kilnmark.farm.status.rate import pictures_a_minute, seconds_left

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def submission(seconds: float, *, still: int) -> SubmissionStatus:
    at = ago(seconds).isoformat(timespec="seconds")
    return SubmissionStatus(
        submission="one",
        submitter="ann",
        what="",
        at=at,
        jobs=9,
        open=still,
        done=9 - still,
        failed=0,
        dead=0,
        cancelled=0,
    )


def test_the_time_left_counts_from_when_the_first_open_job_was_handed_in() -> None:
    done = [ago(500), ago(15), ago(10), ago(5)]
    assert pictures_a_minute(done, NOW) == 0.48
    assert seconds_left(6, done, [submission(20, still=6), submission(520, still=0)], NOW) == 40.0


def test_nothing_that_was_done_since_tells_nothing_of_the_time_left() -> None:
    assert seconds_left(6, [ago(500)], [submission(20, still=6)], NOW) is None
    assert pictures_a_minute([], NOW) is None


def test_of_what_waits_for_hours_the_last_ten_minutes_count() -> None:
    assert seconds_left(1, [ago(300)], [submission(7200, still=1)], NOW) == 600.0
