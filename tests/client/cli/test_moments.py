"""Moments as people type them."""

from datetime import UTC, datetime, timedelta, timezone

import click
import pytest

from kilnmark.client.cli.moments import read_moment, typed_moment

NOW = datetime(2026, 11, 28, 1, 30, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("typed", "begin", "end"),
    [
        ("90m", "2026-11-27T22:00:00", "2026-11-27T22:00:00"),
        ("2d", "2026-11-25T23:30:00", "2026-11-25T23:30:00"),
        ("today", "2026-11-27T22:00:00", "2026-11-28T21:59:59.999"),
        ("yesterday", "2026-11-26T22:00:00", "2026-11-27T21:59:59.999"),
        ("2026-11-28", "2026-11-27T22:00:00", "2026-11-28T21:59:59.999"),
        ("2026-11-28T07:30", "2026-11-28T05:30:00", "2026-11-28T05:30:00"),
        ("2026-11-28T07:30Z", "2026-11-28T07:30:00", "2026-11-28T07:30:00"),
    ],
)
def test_a_moment_is_meant_on_the_clocks_of_here(typed: str, begin: str, end: str) -> None:
    found = read_moment(typed, NOW)
    told = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (begin, end)]
    assert [found.begin, found.end] == told


@pytest.mark.parametrize("typed", ["", "soon", "6", "6x", "2026-13-01", "999999d", "2026-11-28T25:00"])
def test_what_is_no_moment_is_refused_with_examples(typed: str) -> None:
    with pytest.raises(click.BadParameter, match="90m, 6h, 2d"):
        typed_moment(typed)
