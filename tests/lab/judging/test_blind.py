"""People who judge blind: nothing tells the sides but the pixels, and a vote that was counted stays."""

import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.judging.axes import standard_axes
from kilnmark.lab.judging.blind import VOTES, BlindJudging, Choice, Vote, read_votes, scores_of
from kilnmark.lab.judging.errors import VoteRefused
from kilnmark.lab.judging.report import CellStatus, JudgedAdapter, JudgedCell, JudgementReport, JudgeSaid

PAIRS = 12


def report(cells: int = PAIRS, kind: str = "subject") -> JudgementReport:
    made = [
        JudgedCell(
            name=f"p1-s{at}",
            prompt="a",
            seed=at,
            picture=f"{at}.png",
            references=("real.png",),
            status=CellStatus.WAITING,
        )
        for at in range(cells)
    ]
    return JudgementReport(
        number=1,
        at="",
        digest="d",
        kind=kind,
        base="mini",
        judge=JudgeSaid(kind="person", name="people"),
        adapter=JudgedAdapter(name="ink", step=1, file="a", sha256="b", scale=1.0),
        axes=standard_axes("subject"),
        bars="default 2",
        cells=tuple(made),
    )


@pytest.fixture
def judging(tmp_path: Path) -> BlindJudging:
    told = PngImagePlugin.PngInfo()
    told.add_text("kilnmark", "painted by the adapter")
    Image.new("RGB", (40, 60), (255, 0, 0)).save(tmp_path / "real.png")
    for at in range(PAIRS):
        Image.new("RGB", (64, 64), (0, 0, 255)).save(tmp_path / f"{at}.png", pnginfo=told)
    return BlindJudging(tmp_path, tmp_path, report())


def is_real(png: bytes) -> bool:
    return bool(np.asarray(Image.open(io.BytesIO(png)))[0, 0, 0] == 255)


def real_side(judging: BlindJudging, voter: str, pair: str) -> Choice:
    return "left" if is_real(judging.picture(voter, pair, "left")) else "right"


def test_each_pair_shows_one_of_each_at_one_size_and_nothing_but_pixels(judging: BlindJudging) -> None:
    for pair in judging.pairs("ada"):
        left, right = (judging.picture("ada", pair.name, side) for side in ("left", "right"))
        assert is_real(left) != is_real(right)
        opened = [Image.open(io.BytesIO(png)) for png in (left, right)]
        assert [each.size for each in opened] == [(40, 60), (40, 60)]
        assert [each.info for each in opened] == [{}, {}]


def test_sides_and_order_are_shuffled_by_person_and_stay(judging: BlindJudging) -> None:
    sides = {
        voter: [real_side(judging, voter, pair.name) for pair in judging.pairs(voter)]
        for voter in ("ada", "bob", "eve")
    }
    assert all(set(found) == {"left", "right"} for found in sides.values())
    orders = {voter: [pair.name for pair in judging.pairs(voter)] for voter in sides}
    assert len({tuple(order) for order in orders.values()}) == 3
    assert [pair.name for pair in judging.pairs(" ada ")] == orders["ada"]


def test_a_vote_says_what_was_taken_for_real_whatever_the_side(judging: BlindJudging) -> None:
    for voter in ("ada", "bob", "eve", "kim"):
        assert judging.vote(voter, "p1-s3", real_side(judging, voter, "p1-s3")).found == "real"
    assert (
        judging.vote("lou", "p1-s3", "left" if real_side(judging, "lou", "p1-s3") == "right" else "right").found
        == "painted"
    )
    assert Counter(vote.found for vote in judging.standing()["p1-s3"]) == {"real": 4, "painted": 1}


def test_the_last_vote_of_a_person_on_a_pair_counts_and_all_are_kept(judging: BlindJudging, tmp_path: Path) -> None:
    judging.vote("ada", "p1-s0", "left")
    judging.vote("ada", "p1-s0", "unsure", same=True)
    assert [(vote.found, vote.same) for vote in judging.standing()["p1-s0"]] == [("unsure", True)]
    assert len(read_votes(tmp_path)) == 2
    assert {pair.name: pair.chosen for pair in judging.pairs("ada")}["p1-s0"] == "unsure"


def test_a_line_that_was_cut_off_was_never_counted_and_takes_no_other_with_it(
    judging: BlindJudging, tmp_path: Path
) -> None:
    judging.vote("ada", "p1-s0", "left")
    with (tmp_path / VOTES).open("ab") as file:
        file.write(b'{"at":"2026')
    assert len(read_votes(tmp_path)) == 1
    judging.vote("bob", "p1-s1", "right")
    assert [vote.voter for vote in read_votes(tmp_path)] == ["ada", "bob"]


def test_a_whole_line_that_cannot_be_read_is_told(judging: BlindJudging, tmp_path: Path) -> None:
    (tmp_path / VOTES).write_text("{}\n")
    with pytest.raises(RunUnusable, match=VOTES):
        judging.standing()


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\x1b[2J"])
def test_a_vote_has_a_name_to_be_told_apart_by(judging: BlindJudging, name: str) -> None:
    with pytest.raises(VoteRefused, match="a name has"):
        judging.vote(name, "p1-s0", "left")


@pytest.mark.parametrize("pair", ["p1-s99", "../real", ""])
def test_only_pairs_of_the_judging_are_shown(judging: BlindJudging, pair: str) -> None:
    with pytest.raises(VoteRefused, match="no pair"):
        judging.picture("ada", pair, "left")


def test_a_picture_that_went_away_is_told(judging: BlindJudging, tmp_path: Path) -> None:
    (tmp_path / "3.png").unlink()
    with pytest.raises(VoteRefused, match="cannot be read"):
        judging.picture("ada", "p1-s3", "left")


def votes(*found: str, same: bool | None = None) -> list[Vote]:
    return [Vote(at="", voter=str(at), pair="p", chosen="left", found=each, same=same) for at, each in enumerate(found)]  # type: ignore[arg-type]


def test_who_cannot_tell_them_apart_gives_the_full_score() -> None:
    assert [score.score for score in scores_of(votes("painted", "real"))] == [1.0]
    assert [score.score for score in scores_of(votes("unsure"))] == [1.0]
    assert [score.score for score in scores_of(votes("painted", "real", "real", "real"))] == [0.5]
    assert [score.score for score in scores_of(votes("real"))] == [0.0]


def test_identity_is_the_share_that_says_it_is_the_same() -> None:
    assert [(score.axis, score.score) for score in scores_of(votes("real", "real", same=True))] == [
        ("Q1", 1.0),
        ("Q4", 0.0),
    ]


def test_people_agree_about_what_they_took_for_real(judging: BlindJudging) -> None:
    for pair in ("p1-s0", "p1-s1"):
        judging.vote("ada", pair, real_side(judging, "ada", pair))
        judging.vote("bob", pair, real_side(judging, "bob", pair) if pair == "p1-s0" else "unsure")
    found = judging.agreement()
    assert (found.method, found.items, found.agreed) == ("cohen", 2, 1)
