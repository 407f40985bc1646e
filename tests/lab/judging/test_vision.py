"""A vision model over real HTTP: each call paid once, each reply checked, and whatever goes wrong told and kept."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from kilnmark.client import Client
from kilnmark.lab.judging.calls import CALLS, Calls
from kilnmark.lab.judging.errors import (
    AskingRefused,
    JudgeBusy,
    JudgementLost,
    JudgeUnreachable,
    JudgeUnusable,
    KeyMissing,
    KeyRefused,
)
from kilnmark.lab.judging.judge import JudgeWishes, estimate_run
from kilnmark.lab.judging.report import CellStatus
from kilnmark.lab.run.folder import open_run, read_state
from kilnmark.lab.run.spending import OverBudget
from tests.lab.judging.runs import judged, make_judgeable, painter
from tests.lab.judging.servers import KEY, TOKENS, FakeJudge

COST = (TOKENS[0] * 3 + TOKENS[1] * 15) / 1_000_000


@pytest.fixture(scope="module")
def client(around_tmp_paths: Path) -> Iterator[Client]:
    with painter(around_tmp_paths) as client:
        yield client


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/never")


def make(folder: Path, server: FakeJudge, form: str = "openai", **given: Any) -> Path:
    url = f"{server.url}/v1" if form == "openai" else server.url
    wanted: dict[str, Any] = {"judge": form, "model": "eye-1", "base_url": url, "price_in": 3.0, "price_out": 15.0}
    return make_judgeable(folder, **(wanted | {"deadline": 5.0, "patience": 0.0} | given))


def pictures_in(body: Mapping[str, Any]) -> int:
    content = next(each["content"] for each in body["messages"] if each["role"] == "user")
    return sum(part["type"] in {"image", "image_url"} for part in content)


@pytest.mark.parametrize("form", ["openai", "anthropic"])
def test_every_cell_is_asked_once_and_what_it_cost_is_kept(tmp_path: Path, client: Client, form: str) -> None:
    told: list[str] = []
    with FakeJudge() as server:
        run = make(tmp_path, server, form)
        report = judged(run, client, told)
        again = judged(run, client)
        assert len(server.paid) == 2
        assert [pictures_in(body) for body in server.asked] == [3, 3]
    assert report.verdict == again.verdict == "PROCEED"
    assert [cell.scores[0].sentence for cell in report.cells] == ["Q1 is good", "Q1 is good"]
    assert report.cost == again.cost == pytest.approx(2 * COST)
    state = read_state(run)
    assert state is not None
    assert [entry.amount for entry in state.spending] == pytest.approx([COST, COST])
    assert [entry.settled for entry in state.spending] == [True, True]
    assert (state.judgements[0].verdict, state.judgements[0].judged) == ("PROCEED", 2)
    assert told[0] == f"these pictures go to {server.url}{'/v1' if form == 'openai' else ''} (eye-1), as pixels alone:"
    assert told[1] == "  p1-s1: ../set/1.png, ../set/3.png, report/judge-1/cells/p1-s1.png"


@pytest.mark.parametrize(
    ("form", "word"),
    [*(("openai", word) for word in ("misfit", "text", "empty", "cut", "refused")), ("anthropic", "refused")],
)
def test_a_reply_that_does_not_fit_is_asked_for_once_more(tmp_path: Path, client: Client, form: str, word: str) -> None:
    with FakeJudge(word, "good") as server:
        report = judged(make(tmp_path, server, form, seeds=(1,)), client)
        assert [len(body["messages"]) for body in server.asked] == [1 + (form == "openai"), 3 + (form == "openai")]
    assert report.verdict == "PROCEED"
    assert report.cost == pytest.approx(2 * COST)


def test_after_the_second_the_cell_is_unjudged_and_the_reason_told(tmp_path: Path, client: Client) -> None:
    with FakeJudge("misfit", "text", "good") as server:
        run = make(tmp_path, server)
        report = judged(run, client)
        assert [cell.status for cell in report.cells] == [CellStatus.UNJUDGED, CellStatus.JUDGED]
        assert report.verdict == "IN FLIGHT"
        assert "the reply did not fit, 2 times" in report.cells[0].why
        assert judged(run, client).cells[0].status is CellStatus.UNJUDGED
        assert len(server.paid) == 3
        assert judged(run, client, ask_again=True).verdict == "PROCEED"
        assert len(server.paid) == 4


@pytest.mark.parametrize(
    ("form", "word"),
    [
        *(("openai", word) for word in ("500", "hang", "drop", "garbage")),
        ("anthropic", "drop"),
        ("anthropic", "garbage"),
    ],
)
def test_what_may_have_been_paid_is_never_asked_again_by_itself(
    tmp_path: Path, client: Client, form: str, word: str
) -> None:
    with FakeJudge(word, "good") as server:
        run = make(tmp_path, server, form, deadline=0.3 if word == "hang" else 5.0)
        report = judged(run, client)
        assert judged(run, client).cells == report.cells
        assert len(server.paid) == 2
    assert [cell.status for cell in report.cells] == [CellStatus.UNJUDGED, CellStatus.JUDGED]
    assert "may have been paid" in report.cells[0].why
    assert report.cost > 2 * COST  # with the most that the first may cost
    state = read_state(run)
    assert state is not None
    assert [entry.settled for entry in state.spending] == [False, True]


def test_two_such_calls_in_a_row_are_the_last(tmp_path: Path, client: Client) -> None:
    with FakeJudge("500") as server:
        run = make(tmp_path, server, seeds=(1, 2, 3, 4))
        report = judged(run, client)
        assert len(server.paid) == 2
    assert [cell.status for cell in report.cells] == ["unjudged", "unjudged", "waiting", "waiting"]
    assert "2 calls in a row came to nothing" in report.notes[0]


def test_a_server_that_remembers_keys_is_asked_again_and_charges_once(tmp_path: Path, client: Client) -> None:
    with FakeJudge("drop", remembers=True) as server:
        run = make(tmp_path, server, seeds=(1,), idempotent=True)
        assert judged(run, client).verdict == "IN FLIGHT"
        report = judged(run, client)
        assert (report.verdict, len(server.paid), len(server.asked)) == ("PROCEED", 1, 2)
    assert report.cost == pytest.approx(COST)


@pytest.mark.parametrize(
    ("form", "word", "error"),
    [
        ("openai", "401", KeyRefused),
        ("openai", "400", AskingRefused),
        ("openai", "redirect", AskingRefused),
        ("anthropic", "redirect", AskingRefused),
        ("openai", "429", JudgeBusy),
    ],
)
def test_what_was_not_carried_out_stops_it_and_costs_nothing(
    tmp_path: Path, client: Client, form: str, word: str, error: type[Exception]
) -> None:
    with FakeJudge(word, "good") as server:
        run = make(tmp_path, server, form)
        with pytest.raises(error):
            judged(run, client)
        state = read_state(run)
        assert state is not None
        assert [(entry.amount, entry.settled) for entry in state.spending] == [(0.0, True)]
        assert server.paid == []
        assert judged(run, client).verdict == "PROCEED"
        assert len(server.paid) == 2


def test_one_that_turns_a_call_away_is_waited_for(tmp_path: Path, client: Client) -> None:
    with FakeJudge("429", "good") as server:
        report = judged(make(tmp_path, server, seeds=(1,), patience=30.0), client)
        assert len(server.paid) == 1
    assert report.verdict == "PROCEED"
    assert report.cost == pytest.approx(COST)


def test_nobody_there_is_told_and_nothing_was_sent(tmp_path: Path, client: Client) -> None:
    with FakeJudge() as server:
        run = make(tmp_path, server)
    with pytest.raises(JudgeUnreachable, match="nothing was sent"):
        judged(run, client)


@pytest.mark.parametrize("form", ["openai", "anthropic"])
def test_the_key_stands_nowhere_but_in_the_call(
    tmp_path: Path, client: Client, form: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(0)
    told: list[str] = []
    with FakeJudge("400", "500", "misfit", "good") as server:
        run = make(tmp_path, server, form, seeds=(1, 2, 3))
        with pytest.raises(AskingRefused) as refused:
            judged(run, client, told)
        judged(run, client, told)
        wrong = f"{KEY}x"
        monkeypatch.setenv("OPENAI_API_KEY", wrong)
        monkeypatch.setenv("ANTHROPIC_API_KEY", wrong)
        with pytest.raises(KeyRefused) as unknown:
            judged(run, client, told, ask_again=True)
    shown = [*told, str(refused.value), repr(refused.value), str(unknown.value), caplog.text]
    assert "said with (the key)" in str(refused.value)
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in shown if KEY in text]
    assert not [data for data in files if KEY.encode() in data]


def test_without_a_key_nothing_is_made(tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with FakeJudge() as server:
        run = make(tmp_path, server)
        with pytest.raises(KeyMissing, match="OPENAI_API_KEY is not set"):
            judged(run, client)
    assert not (run / "report").exists()


def test_only_pixels_leave_and_no_larger_than_they_are_looked_at(tmp_path: Path, client: Client) -> None:
    with FakeJudge() as server:
        run = make(tmp_path, server, seeds=(1,), references=("secret.jpg",))
        exif = Image.Exif()
        exif[0x010F] = "where we live"
        Image.new("RGB", (3000, 1500)).save(run / "secret.jpg", exif=exif)
        judged(run, client)
        sent = json.dumps(server.asked)
    assert "d2hlcmUgd2UgbGl2ZQ" not in sent
    assert len(sent) < 300_000


def test_a_judging_that_may_cost_more_than_is_left_is_refused_before_anything(tmp_path: Path, client: Client) -> None:
    with FakeJudge() as server:
        run = make(tmp_path, server, limit=0.05)
        with pytest.raises(OverBudget, match="judging 2 cells by eye-1 may cost"):
            judged(run, client)
        assert (server.asked, list((run / "report").rglob("*.png"))) == ([], [])


def test_a_dry_run_tells_what_would_leave_and_cost_and_does_nothing(tmp_path: Path) -> None:
    with FakeJudge() as server:
        run = make(tmp_path, server)
        with open_run(run) as held:
            found = estimate_run(held, JudgeWishes())
        assert server.asked == []
    assert [call.pictures[-1] for call in found.calls] == [
        "report/judge-1/cells/p1-s1.png",
        "report/judge-1/cells/p1-s2.png",
    ]
    assert found.cost == pytest.approx(sum(call.most for call in found.calls))
    assert found.cost > 2 * COST
    assert not (run / "report").exists()


def test_a_server_that_tells_no_usage_is_reckoned_with_the_most(tmp_path: Path, client: Client) -> None:
    with FakeJudge("no-usage") as server:
        run = make(tmp_path, server, seeds=(1,))
        with open_run(run) as held:
            most = estimate_run(held, JudgeWishes()).cost
        assert judged(run, client).cost == pytest.approx(most)


def test_bad_pictures_are_rejected_with_the_judges_own_words(tmp_path: Path, client: Client) -> None:
    with FakeJudge("bad") as server:
        report = judged(make(tmp_path, server), client)
    assert report.verdict == "REJECT"
    assert report.reasons[0] == "p1-s1: identity 0.20 is below 0.30, which no cell may be: Q1 is bad"


def test_questions_are_asked_and_their_answers_kept(tmp_path: Path, client: Client) -> None:
    marks = {name: {"score": 0.8, "sentence": "x"} for name in ("Q1", "Q2", "Q3", "Q4")}
    with FakeJudge(answers=lambda _: {"scores": marks, "answers": [True, False]}) as server:
        run = make(tmp_path, server, seeds=(1,), questions=("Is the scar left?", "Is there a hat?"))
        report = judged(run, client)
        assert "2. Is there a hat?" in json.dumps(server.asked[0])
    assert report.cells[0].answers == (True, False)
    assert report.questions == ("Is the scar left?", "Is there a hat?")


def test_replies_that_were_paid_and_went_away_are_not_paid_again_in_silence(tmp_path: Path, client: Client) -> None:
    with FakeJudge() as server:
        run = make(tmp_path, server)
        judged(run, client)
        (run / "report" / "judge-1" / CALLS).unlink()
        with pytest.raises(JudgementLost, match="--new-judgement"):
            judged(run, client)
        assert judged(run, client, new=True).number == 2
        assert len(server.paid) == 4


def test_other_bars_judge_what_was_scored_before_without_asking(tmp_path: Path, client: Client) -> None:
    with FakeJudge() as server:
        run = make(tmp_path, server)
        judged(run, client)
        path = run / "run.toml"
        path.write_text(path.read_text().replace("[judge]\n", '[judge]\nbars = "older"\n'))
        assert (judged(run, client).bars, len(server.paid)) == ("older 1", 2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": None}, r"judge\.model"),
        ({"price_out": None}, r"judge\.price_out"),
        ({"base_url": "http://10.0.0.7/v1"}, "in the clear"),
        ({"numbers": {"stepz": 3.0}}, r"judge\.numbers"),
        ({"numbers": {"steps": 1.5}}, r"judge\.numbers"),
        (
            {"questions": tuple("abcdefghijkl"), "prompts": ({"role": "detail", "text": "x", "questions": ("m",)},)},
            "12",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_entry(
    tmp_path: Path, client: Client, given: dict[str, Any], said: str
) -> None:
    with FakeJudge() as server, pytest.raises(JudgeUnusable, match=said):
        judged(make(tmp_path, server, **given), client)


def test_a_last_line_that_was_cut_off_is_a_call_that_was_never_begun(tmp_path: Path, client: Client) -> None:
    with FakeJudge() as server:
        run = make(tmp_path, server)
        judged(run, client)
    path = run / "report" / "judge-1" / CALLS
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"type":"beg')
    assert Calls(path.parent).count == 2
    assert msgspec.json.decode(whole.split(b"\n")[0])["pictures"][-1] == "report/judge-1/cells/p1-s1.png"


def test_a_state_that_was_lost_learns_again_what_was_paid(tmp_path: Path, client: Client) -> None:
    with FakeJudge() as server:
        run = make(tmp_path, server)
        judged(run, client)
        with open_run(run) as held:
            held.change(judgements=(), spending=())
        judged(run, client)
        assert len(server.paid) == 2
    state = read_state(run)
    assert state is not None
    assert sum(entry.amount for entry in state.spending) == pytest.approx(2 * COST)


def test_calls_that_cost_more_than_was_reckoned_are_reckoned_with_what_they_cost(
    tmp_path: Path, client: Client
) -> None:
    with FakeJudge() as server:
        run = make(tmp_path, server, seeds=(1, 2, 3, 4), price_in=0.0, price_out=1000.0, reply_tokens=64, limit=0.5)
        with pytest.raises(OverBudget, match=r"judge-1: p1-s3 may cost 0\.20 USD, and 0\.10 are left"):
            judged(run, client)
        assert len(server.paid) == 2
    state = read_state(run)
    assert state is not None
    assert (state.judgements[0].judged, state.judgements[0].verdict) == (2, "IN FLIGHT")
