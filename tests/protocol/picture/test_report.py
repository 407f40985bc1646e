"""The report's own parts."""

import msgspec
import pytest

from kilnmark.protocol.picture.beside import LayersBeside
from kilnmark.protocol.picture.report import SHOWN_UNMATCHED_KEYS, AdapterReport, UnmatchedKeys, Verdict


def test_unmatched_keys_are_all_counted_and_the_first_are_named() -> None:
    names = [f"key.{i}" for i in range(SHOWN_UNMATCHED_KEYS + 5)]
    unmatched = UnmatchedKeys.of(names)
    assert unmatched.count == len(names)
    assert unmatched.first == tuple(names[:SHOWN_UNMATCHED_KEYS])


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({}, False),
        ({"verdict": Verdict.PARTIAL}, True),
        ({"usual_scale": 0.1}, True),
        ({"undone_targets": LayersBeside(1, ("a",), (), ("ash",))}, True),
        ({"drowned_targets": LayersBeside(1, ("a",), (), ("ash",))}, True),
        ({"stack_share": 0.01, "effective_share": -0.5}, False),
    ],
)
def test_one_is_in_doubt_when_there_is_more_to_say_than_that_it_engaged(
    changes: dict[str, object], doubt: bool
) -> None:
    report = AdapterReport(name="ink", path="/ink", verdict=Verdict.ENGAGED, reason="so")
    assert msgspec.structs.replace(report, **changes).is_in_doubt == doubt
