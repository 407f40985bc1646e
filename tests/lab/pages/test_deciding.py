"""What people decide on the pages: pictures of a batch, and which one is real."""

import re
from html import unescape
from pathlib import Path

import pytest

from kilnmark.lab.judging.blind import read_votes
from tests.lab.pages.asking import Answer, Asker
from tests.lab.runs import fill_judged, make_batch, make_run, make_set, painted, said_in


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    return make_batch(tmp_path)


def forms(text: str) -> list[dict[str, str]]:
    """The hidden fields of every form of a page."""
    parts = text.split("<form ")[1:]
    return [dict(re.findall(r'name="(\w+)" value="([^"]*)"', part.partition("</form>")[0])) for part in parts]


def test_a_picture_is_accepted_rejected_and_taken_back(batch: Path) -> None:
    asker = Asker(batch.parent)
    page = asker.get("/batches/weatherwright/").text
    assert "5 undecided, 0 accepted, 0 rejected, 1 not there" in page
    first, second = forms(page)[:2]
    assert asker.post("/batches/weatherwright/decide", first | {"word": "accepted"}).status == 303
    rejected = second | {"word": "rejected", "reason": "six\n fingers <b>"}
    asker.post("/batches/weatherwright/decide", rejected)
    assert said_in(batch) == {
        ("accepted", "ada", ""),
        ("rejected", "ada", "six fingers <b>"),
    }
    page = asker.get("/batches/weatherwright/").text
    assert "1 accepted, 1 rejected" in page
    assert "six fingers &lt;b&gt;" in page
    asker.post("/batches/weatherwright/decide", first | {"word": "open"})
    assert "0 accepted, 1 rejected" in asker.get("/batches/weatherwright/").text


def test_nothing_is_decided_about_a_picture_that_was_painted_again(batch: Path) -> None:
    asker = Asker(batch.parent)
    form = forms(asker.get("/batches/weatherwright/").text)[0]
    painted(batch / form["file"], 99)
    answer = asker.post("/batches/weatherwright/decide", form | {"word": "accepted"})
    assert (answer.status, said_in(batch)) == (409, set())
    assert "painted again since you looked at it" in answer.text


def test_a_decision_about_what_was_painted_again_is_told_as_old(batch: Path) -> None:
    asker = Asker(batch.parent)
    form = forms(asker.get("/batches/weatherwright/").text)[0]
    asker.post("/batches/weatherwright/decide", form | {"word": "accepted"})
    painted(batch / form["file"], 99)
    text = asker.get("/batches/weatherwright/").text
    assert "painted again since it was accepted by ada" in text
    assert "0 accepted" in text


@pytest.mark.parametrize(
    "change", [{"word": "published"}, {"word": ""}, {"file": "../x.png"}, {"file": "manifest.json"}]
)
def test_what_no_form_sends_decides_nothing(batch: Path, change: dict[str, str]) -> None:
    asker = Asker(batch.parent)
    form = forms(asker.get("/batches/weatherwright/").text)[0] | {"word": "accepted"}
    assert asker.post("/batches/weatherwright/decide", form | change).status in {404, 409}
    assert said_in(batch) == set()


@pytest.fixture
def judging(tmp_path: Path) -> Asker:
    make_set(tmp_path)
    make_run(tmp_path, "judging", fill_judged)
    return Asker(tmp_path)


PLACE = "/runs/judging/judging/1/"


def vote(asker: Asker, voter: str, chosen: str) -> Answer:
    form = forms(asker.get(f"{PLACE}?voter={voter}").text)[0]
    return asker.post(f"{PLACE}vote", form | {"chosen": chosen, "same": "yes"})


def test_people_judge_until_nothing_is_left_and_are_told_how_far_they_agree(judging: Asker, tmp_path: Path) -> None:
    page = judging.get("/runs/judging/").text
    assert page.index("How to continue") < page.index("Vote on its pictures, blind") < page.index("kilnmark lab judge")
    assert "Your name" in judging.get(PLACE).text
    for voter in ("Ada", "Bo"):
        for _ in range(6):
            answer = vote(judging, voter, "left")
            assert (answer.status, answer.headers["location"]) == (303, f"{PLACE}?voter={voter}")
    text = judging.get(f"{PLACE}?voter=Ada").text
    assert "you have voted on all 6 pairs" in text
    assert "<dt>people</dt><dd>2</dd>" in text
    assert len(read_votes(tmp_path / "judging" / "report" / "judge-1")) == 12


def test_a_page_of_a_pair_says_nothing_of_the_sides(judging: Asker) -> None:
    text = judging.get(f"{PLACE}?voter=Ada").text
    assert "sources/" not in text
    assert "report/judge-1" not in text
    sides = [unescape(side) for side in re.findall(r'<img src="(side[^"]+)"', text)]
    pictures = [judging.get(f"{PLACE}{side}") for side in sides]
    assert [picture.status for picture in pictures] == [200, 200]
    assert pictures[0].body != pictures[1].body
    assert {picture.headers["content-type"] for picture in pictures} == {"image/png"}
    assert not any("etag" in picture.headers for picture in pictures)


@pytest.mark.parametrize("path", ["2/", "1/nothing", "../", "x/", "1/side?voter=Ada&pair=nothing&side=left"])
def test_there_is_no_other_judging(judging: Asker, path: str) -> None:
    assert judging.get(f"/runs/judging/judging/{path}").status in {404, 409}
    assert judging.post(f"{PLACE}vote", {"voter": "", "pair": "p1-s101", "chosen": "left"}).status == 409
    assert judging.post(f"{PLACE}vote", {"voter": "Ada", "pair": "p1-s101", "chosen": "both"}).status == 404
