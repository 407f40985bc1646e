"""What a night's log says of a batch while it is painted."""

from collections.abc import Sequence

import pytest

from kilnmark.client.batch.run.tally import Became, ItemEnding, Tally
from kilnmark.client.cli.views.batch_bar import batch_bar
from kilnmark.client.cli.views.batch_log import line_of
from kilnmark.protocol.picture.report import AdapterReport, Verdict

ENGAGED = AdapterReport(name="ink", path="/ink", verdict=Verdict.ENGAGED, reason="")
STRONG = AdapterReport(name="elm", path="/elm", verdict=Verdict.ENGAGED, reason="at 0.1 it is usual", usual_scale=0.1)
PARTIAL = AdapterReport(name="moss", path="/moss", verdict=Verdict.PARTIAL, reason="half of it")
PAINTED, KEPT = ItemEnding(Became.PAINTED, loras=(ENGAGED,), seconds=12.34), ItemEnding(Became.KEPT)


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (PAINTED, "painted in 12.3 s"),
        (ItemEnding(Became.PAINTED), "painted"),
        (ItemEnding(Became.FOUND, loras=(ENGAGED,)), "found"),
        (ItemEnding(Became.PAINTED, loras=(ENGAGED, PARTIAL), seconds=1.0), "painted in 1.0 s; moss is partial"),
        (ItemEnding(Became.PAINTED, loras=(STRONG,), seconds=1.0), "painted in 1.0 s; elm: at 0.1 it is usual"),
        (ItemEnding(Became.FAILED, "no room", (PARTIAL,)), "failed: no room"),
    ],
)
def test_an_ending_is_told_with_what_is_worth_telling(ending: ItemEnding, words: str) -> None:
    assert line_of(ending) == words


def told(capsys: pytest.CaptureFixture[str], *rounds: Sequence[ItemEnding]) -> list[list[str]]:
    """What is said in each round in which some pictures end, and in the end."""
    tally, said = Tally(sum(map(len, rounds))), []
    with batch_bar(tally) as move:
        for endings in rounds:
            tally.endings |= {f"p{len(tally.endings) + at}.png": ending for at, ending in enumerate(endings)}
            move()
            said.append(capsys.readouterr().err.splitlines())
    return [*said, capsys.readouterr().err.splitlines()]


def test_each_picture_is_told_of_once_as_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    first, again, second, end = told(capsys, [PAINTED], [], [ItemEnding(Became.FAILED, "a\x1bb")])
    assert first == ["1 of 2: p0.png painted in 12.3 s"]
    assert second == [r"2 of 2: p1.png failed: a\x1bb"]
    assert again == end == []


def test_kept_pictures_are_told_of_together(capsys: pytest.CaptureFixture[str]) -> None:
    kept, mixed, end = told(capsys, [KEPT, KEPT], [KEPT, PAINTED, KEPT])
    assert kept == []
    assert mixed == ["3 of 5: 3 kept as they are", "4 of 5: p3.png painted in 12.3 s"]
    assert end == ["5 of 5: 1 kept as they are"]


def test_a_batch_that_stops_has_told_of_all_that_ended(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        stopped(Tally(3))
    assert capsys.readouterr().err == "1 of 3: 1 kept as they are\n"


def stopped(tally: Tally) -> None:
    with batch_bar(tally) as move:
        tally.endings["p0.png"] = KEPT
        move()
        raise KeyboardInterrupt
