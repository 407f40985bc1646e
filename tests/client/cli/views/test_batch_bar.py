"""What a person sees while a batch is painted, on a narrow terminal too."""

import pytest

from kilnmark.client.batch.run.tally import Became, ItemEnding, Tally
from kilnmark.client.cli.views.batch_bar import standing_words, time_words
from kilnmark.protocol.picture.report import AdapterReport, Verdict

ENGAGED = AdapterReport(name="ink", path="/ink", verdict=Verdict.ENGAGED, reason="")
PAINTED = ItemEnding(Became.PAINTED, loras=(ENGAGED,), seconds=5)


def tally(*endings: ItemEnding, total: int = 136) -> Tally:
    made = Tally(total)
    made.endings = {f"{number}.png": ending for number, ending in enumerate(endings)}
    return made


def test_count_and_time_left_come_first_and_changes_of_stack_are_not_cut_off() -> None:
    found = tally(*[PAINTED] * 30, *[ItemEnding(Became.KEPT)] * 6, ItemEnding(Became.FAILED, "no room"))
    found.switches = 12
    words = standing_words(found, 31 * 7.3)
    assert words[:80].startswith("37/136, 12 min left; 1 failed; 12 changes of stack; 30 engaged")


def test_what_was_kept_says_nothing_of_the_time_that_is_left() -> None:
    assert standing_words(tally(*[ItemEnding(Became.KEPT)] * 6, total=9), 60).startswith("6/9; 0 changes")
    assert standing_words(tally(PAINTED, total=1), 60).startswith("1/1; 0 changes")


def test_a_pause_is_told_in_place_of_the_time() -> None:
    found = tally(PAINTED)
    found.paused = "on battery, 41% left"
    assert standing_words(found, 5).startswith("1/136, paused: on battery, 41% left; ")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 s"), (40.4, "40 s"), (89, "89 s"), (90, "2 min"), (720, "12 min"), (5400, "1 h 30 min"), (7200, "2 h")],
)
def test_a_stretch_of_time_is_told_as_exactly_as_anybody_wants(seconds: float, words: str) -> None:
    assert time_words(seconds) == words
