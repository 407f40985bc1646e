"""Patterns of blocks: how they are written, which contradict each other, and what becomes of them in a spec."""

import pytest

from kilnmark.protocol.picture.block_scales import (
    BlockPattern,
    BlockScale,
    block_scales_problem,
    scale_words,
    stack_blocks,
)
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.picture.spec import PictureSpec

SPEC = PictureSpec(
    prompt="kiln", negative_prompt=None, variant="dev", seed=1, width=64, height=64, steps=2, guidance=3.5
)
STACK = [("a" * 64, 0.8)]


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("double", BlockPattern("double")),
        ("single.0", BlockPattern("single", 0, 0)),
        ("single.20-37", BlockPattern("single", 20, 37)),
        ("noise_refiner.1-1", BlockPattern("noise_refiner", 1, 1)),
    ],
)
def test_a_pattern_is_a_run_or_some_of_its_blocks(text: str, pattern: BlockPattern) -> None:
    assert BlockPattern.read(text) == pattern


@pytest.mark.parametrize(
    "text", ["", "3", "single.", "single.a", "single.3-", "single.7-3", "single.*", "double,single", "single.1\n", "ä"]
)
def test_what_is_no_pattern_is_told_with_how_one_is_written(text: str) -> None:
    assert BlockPattern.read(text) is None
    entry, problem = block_scales_problem({"double": 1.0, text: 0.5}) or ("", "")
    assert entry == text
    assert "NAME.3-7" in problem


def test_the_rest_is_no_pattern_of_its_own() -> None:
    assert block_scales_problem({"rest": 1.0}) == (
        "rest",
        "'rest' is no run of blocks; what no pattern matches has the adapter's one scale",
    )


@pytest.mark.parametrize(
    ("one", "other", "is_met"),
    [
        ("double", "double.3", True),
        ("double", "single", False),
        ("single.0-3", "single.3-9", True),
        ("single.0-3", "single.4", False),
        ("single.0", "single.0", True),
    ],
)
def test_two_that_claim_one_block_at_different_scales_are_refused(one: str, other: str, is_met: bool) -> None:
    first, second = BlockPattern.read(one), BlockPattern.read(other)
    assert first is not None
    assert second is not None
    assert first.meets(second) == second.meets(first) == is_met
    if one != other:
        problem = block_scales_problem({one: 0.5, other: 1.0})
        assert (problem is not None) == is_met
        assert problem is None or (problem[0] == other and f"{one!r} claim the same blocks" in problem[1])
        assert block_scales_problem({one: 0.5, other: 0.5}) is None


def test_a_spec_without_them_has_the_digest_of_before() -> None:
    assert SPEC.pinned(STACK, [{}]) == SPEC.pinned(STACK)
    assert SPEC.pinned(STACK, [{}]).digest == SPEC.pinned(STACK).digest


def test_they_are_part_of_a_spec_in_whatever_order_they_were_asked_for() -> None:
    asked = {"double": 0.3, "single.20-37": 1}
    pinned = SPEC.pinned(STACK, [asked])
    assert pinned.digest != SPEC.pinned(STACK).digest
    assert pinned == SPEC.pinned(STACK, [dict(reversed(asked.items()))])
    assert pinned.digest != SPEC.pinned(STACK, [asked | {"double": 0.4}]).digest
    assert stack_blocks([{}, asked]) == ((), (("double", 0.3), ("single.20-37", 1.0)))


def test_a_report_tells_what_was_asked_apart_from_the_rest() -> None:
    reached = (BlockScale("double", 0.3, 266), BlockScale("rest", 0.8, 228))
    report = AdapterReport(
        name="ink", path="/ink", scale=0.8, block_scales=reached, verdict=Verdict.ENGAGED, reason="well"
    )
    assert report.asked_blocks == {"double": 0.3}
    assert report.scale_words == scale_words(0.8, [("double", 0.3)]) == "0.8, double 0.3"
