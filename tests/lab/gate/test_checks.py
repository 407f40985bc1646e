"""Figures held to limits: what fails, what is unknown, and that neither is ever silent."""

import math
from typing import Any

import msgspec
import pytest

from kilnmark.lab.gate.checks import checked, outcome_of, refused
from kilnmark.lab.gate.errors import LimitsUnusable
from kilnmark.lab.gate.figures import FIGURES, GateFigures
from kilnmark.lab.gate.limits import Limit, limits_of
from kilnmark.lab.run.state import Outcome
from tests.lab.gate.known import HEALTHY, with_figures

STYLE, SUBJECT = limits_of("style"), limits_of("subject")


def test_a_healthy_adapter_passes_by_the_limits_of_both_kinds() -> None:
    for limits in (STYLE, SUBJECT):
        assert outcome_of(checked(HEALTHY, limits), limits) == (Outcome.PASSED, ())


@pytest.mark.parametrize("name", sorted(SUBJECT.limits))
def test_every_limit_refuses_by_itself_and_names_the_figure(name: str) -> None:
    limit = SUBJECT.limits[name]
    beyond = limit.most + 0.01 if limit.most is not None else (limit.least or 0.0) - 0.01
    outcome, reasons = outcome_of(checked(with_figures(**{name: beyond}), SUBJECT), SUBJECT)
    assert outcome is Outcome.FAILED
    assert [f"({name} is" in reason for reason in reasons] == [True]


@pytest.mark.parametrize("name", sorted(SUBJECT.needs))
def test_what_is_needed_and_was_not_measured_leaves_it_undecided(name: str) -> None:
    figures = msgspec.structs.replace(with_figures(**{name: None}), unmeasured={name: "the daemon was away"})
    outcome, reasons = outcome_of(checked(figures, SUBJECT), SUBJECT)
    assert (outcome, "the daemon was away" in reasons[0]) == (Outcome.UNDECIDED, True)
    assert refused(figures, SUBJECT)


def test_a_figure_that_is_no_number_never_holds() -> None:
    assert refused(with_figures(unlike=math.nan), STYLE)


def test_to_be_always_on_is_no_fault_of_a_style_unless_it_is_to_fire() -> None:
    always = with_figures(trigger_control=0.99, trigger_nonsense=0.98, fires=0.4)
    assert not refused(always, STYLE)
    assert refused(always, limits_of("style", fires=True))
    assert refused(always, SUBJECT)


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        ("keys", {"least": 0.5}, "asks for less than at least 0.8"),
        ("unlike", {"most": 1.0}, "asks for less than at most 0.999"),
        ("beauty", {"least": 1.0}, "no such figure"),
    ],
)
def test_no_run_asks_for_less_than_holds_for_all(name: str, changed: Any, said: str) -> None:
    with pytest.raises(LimitsUnusable, match=said):
        limits_of("style", {name: changed})


def test_a_run_asks_for_more_and_its_limits_tell_that() -> None:
    found = limits_of("style", {"unlike": {"most": 0.5}})
    assert found.limits["unlike"] == Limit(STYLE.limits["unlike"].least, 0.5)
    assert "unlike changed by the run" in found.name
    assert found.looser == ()


def test_a_run_that_asks_for_less_is_told() -> None:
    (said,) = limits_of("style", {"unlike": {"most": 0.99}}).looser
    least = STYLE.limits["unlike"].least
    assert said == f"it is held to less than usual: unlike {least} to 0.99, in place of {STYLE.limits['unlike']}"


def test_every_figure_has_words_for_each_side_that_it_is_held_to() -> None:
    assert set(FIGURES) == set(GateFigures.__struct_fields__) - {"unmeasured"}
    for limits in (limits_of("style", fires=True), SUBJECT):
        for name, limit in limits.limits.items():
            assert FIGURES[name].low or limit.least is None
            assert FIGURES[name].high or limit.most is None
