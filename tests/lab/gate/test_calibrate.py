"""Limits from known adapters: halfway between good and bad, never beyond what holds for all, honest about others."""

import pytest

from kilnmark.lab.gate.calibrate import KnownAdapter, calibrated, proposed
from kilnmark.lab.gate.limits import limits_of
from tests.lab.gate.known import HEALTHY, with_figures

LIMITS = limits_of("style")
GOOD = [KnownAdapter(f"good {number}", True, with_figures(kept=0.4 + 0.1 * number)) for number in range(4)]
BROKEN = KnownAdapter("broken", False, with_figures(kept=0.0))


def test_a_limit_goes_halfway_between_the_worst_good_one_and_the_nearest_bad_one() -> None:
    torn = KnownAdapter("torn", False, with_figures(kept=0.1))
    assert proposed([*GOOD, BROKEN, torn], LIMITS).limits["kept"].least == pytest.approx(0.25)


def test_a_limit_goes_to_the_worst_good_one_where_nothing_bad_is_beyond() -> None:
    odd = KnownAdapter("odd", True, with_figures(loudest=0.9))
    assert proposed([*GOOD, odd, BROKEN], LIMITS).limits["loudest"].most == pytest.approx(0.9)


def test_no_proposal_goes_beyond_what_holds_for_all() -> None:
    half_read = KnownAdapter("half read", True, with_figures(keys=0.4))
    assert proposed([*GOOD, half_read, BROKEN], LIMITS).limits["keys"].least == LIMITS.hard["keys"].least


def test_errors_are_told_of_adapters_that_the_limits_never_saw() -> None:
    disguised = KnownAdapter("disguised", False, with_figures(kept=0.55))
    found = calibrated([*GOOD, disguised, BROKEN], LIMITS)
    assert (found.adapters, found.good) == (6, 4)
    assert found.false_promotions == ("disguised",)
    assert found.false_refusals == ()
    assert "disguised" in found.unseen_promotions
    assert found.unseen_refusals == ()


def test_a_good_one_that_the_others_do_not_speak_for_is_told() -> None:
    odd = KnownAdapter("odd", True, with_figures(loudest=0.9))
    louder = KnownAdapter("louder", False, with_figures(loudest=0.95))
    found = calibrated([*GOOD, odd, louder], LIMITS)
    assert (found.false_refusals, found.unseen_refusals) == ((), ("odd",))


def test_too_few_adapters_tell_nothing() -> None:
    with pytest.raises(ValueError, match="tell nothing"):
        calibrated([GOOD[0], KnownAdapter("broken", False, HEALTHY)], LIMITS)
