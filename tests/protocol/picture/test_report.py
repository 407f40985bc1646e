"""The judgement: every row of the table that turns counts into a verdict and a sentence."""

import msgspec
import pytest

from kilnmark.protocol.picture.report import SHOWN_UNMATCHED_KEYS, Evidence, UnmatchedKeys, Verdict, judge

HEALTHY = Evidence(
    total_key_count=10,
    matched_key_count=10,
    ignored_key_count=0,
    unmatched_key_count=0,
    target_count=5,
    applied_target_count=5,
)


def evidence(**changes: object) -> Evidence:
    return msgspec.structs.replace(HEALTHY, **changes)


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({}, Verdict.ENGAGED, "10 of 10 keys changed 5 layers"),
        ({"ignored_key_count": 2, "matched_key_count": 8}, Verdict.ENGAGED, "2 keys knowingly left out"),
        ({"scale": -0.5}, Verdict.ENGAGED, "changed 5 layers"),
        (
            {"unmatched_key_count": 3, "first_unmatched_key": "odd.key"},
            Verdict.PARTIAL,
            "3 of 10 keys are unknown, first 'odd.key'",
        ),
        ({"applied_target_count": 4}, Verdict.PARTIAL, "1 of the 5 layers"),
        ({"zero_target_count": 1, "first_zero_target": "x.y"}, Verdict.PARTIAL, "1 of 5 updates are zero, first 'x.y'"),
        ({"vanished_target_count": 2}, Verdict.PARTIAL, "2 of 5 updates are zero"),
        ({"zero_target_count": 5}, Verdict.NOOP, "all 5 updates are exactly zero"),
        ({"vanished_target_count": 5}, Verdict.NOOP, "too small for the compute precision"),
        ({"zero_target_count": 3, "vanished_target_count": 2}, Verdict.NOOP, "vanishes"),
        ({"scale": 0.0}, Verdict.NOOP, "scale is 0"),
        ({"scale": -0.0}, Verdict.NOOP, "scale is 0"),
        ({"scale": 0.0, "unmatched_key_count": 1}, Verdict.NOOP, "scale is 0"),
        (
            {"applied_target_count": 0, "unmatched_key_count": 10, "first_unmatched_key": "odd"},
            Verdict.NOOP,
            "no key was recognised (10 unknown, first 'odd')",
        ),
        ({"applied_target_count": 0, "ignored_key_count": 10}, Verdict.NOOP, "all 10 keys were knowingly left out"),
        ({"applied_target_count": 0, "target_count": 0, "total_key_count": 0}, Verdict.NOOP, "holds no tensors"),
    ],
)
def test_counts_become_a_verdict_and_its_reason(changes: dict[str, object], verdict: Verdict, words: str) -> None:
    judged, reason = judge(evidence(**changes))
    assert judged is verdict
    assert words in reason


@pytest.mark.parametrize(
    ("changes", "changed"),
    [
        ({}, 5),
        ({"zero_target_count": 2}, 3),
        ({"zero_target_count": 2, "vanished_target_count": 3}, 0),
        ({"scale": 0.0}, 0),
    ],
)
def test_only_layers_that_differ_from_the_base_count_as_changed(changes: dict[str, object], changed: int) -> None:
    assert evidence(**changes).changed_target_count == changed


def test_unknown_keys_weigh_more_than_a_zero_update() -> None:
    judged, reason = judge(evidence(unmatched_key_count=1, zero_target_count=1, first_unmatched_key="odd"))
    assert judged is Verdict.PARTIAL
    assert "odd" in reason


def test_unmatched_keys_are_all_counted_and_the_first_are_named() -> None:
    names = [f"key.{i}" for i in range(SHOWN_UNMATCHED_KEYS + 5)]
    unmatched = UnmatchedKeys.of(names)
    assert unmatched.count == len(names)
    assert unmatched.first == tuple(names[:SHOWN_UNMATCHED_KEYS])
