"""Bounds: which error ends which wait, and what a bound may be."""

import time

import pytest

from kilnmark.client import AsyncClient, Client
from kilnmark.client.errors import RenderTimeout, SilenceTimeout
from kilnmark.client.timeouts import Bound, Patience, Timeouts


def test_no_bounds_means_no_end() -> None:
    assert Timeouts(None, None, None, None).for_render().left() is None


def test_the_nearest_bound_counts() -> None:
    left = Timeouts(render=100.0, silence=10.0).for_render().left()
    assert left is not None
    assert 0.0 < left <= 10.0


def test_a_byte_renews_the_silence_and_not_the_whole() -> None:
    now = time.monotonic()
    silence, whole = Bound(10.0, SilenceTimeout), Bound(100.0, RenderTimeout)
    quiet = Patience("render", started=now - 50.0, whole=whole, silence=silence)
    with pytest.raises(SilenceTimeout):
        quiet.left()
    assert quiet.left(heard_at=now) is not None
    late = Patience("render", started=now - 101.0, whole=whole, silence=silence)
    with pytest.raises(RenderTimeout):
        late.left(heard_at=now)


def test_a_wait_of_years_is_taken_in_parts() -> None:
    left = Timeouts(render=1e15, silence=None).for_render().left()
    assert left is not None
    assert left < 1e4


@pytest.mark.parametrize("flavour", [Client, AsyncClient])
@pytest.mark.parametrize("name", ["connect_timeout", "reply_timeout", "render_timeout", "silence_timeout"])
@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_a_bound_that_is_none_is_refused_by_its_name(
    flavour: type[Client | AsyncClient], name: str, seconds: float
) -> None:
    bounds = {name: seconds}
    with pytest.raises(ValueError, match=name):
        flavour("/nowhere", **bounds)
