"""The report's own parts."""

from kilnmark.protocol.picture.report import SHOWN_UNMATCHED_KEYS, UnmatchedKeys


def test_unmatched_keys_are_all_counted_and_the_first_are_named() -> None:
    names = [f"key.{i}" for i in range(SHOWN_UNMATCHED_KEYS + 5)]
    unmatched = UnmatchedKeys.of(names)
    assert unmatched.count == len(names)
    assert unmatched.first == tuple(names[:SHOWN_UNMATCHED_KEYS])
