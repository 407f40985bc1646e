"""A judging by a metric or by people, from its pictures to its verdict, and the same by the command line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from kilnmark.client import Client
from kilnmark.lab.cli.main import lab
from kilnmark.lab.errors import RunMissing
from kilnmark.lab.judging.blind import BlindJudging
from kilnmark.lab.judging.compare import compare_runs
from kilnmark.lab.judging.errors import JudgeUnusable, NotComparable, NothingToJudge
from kilnmark.lab.judging.pairs import compare_checkpoints
from kilnmark.lab.judging.prepare import folder_of
from kilnmark.lab.run.folder import open_run, read_state
from kilnmark.otel import names
from tests.client.here import run_here
from tests.lab.judging.runs import judged, make_judgeable, painter
from tests.lab.judging.servers import KEY, FakeJudge
from tests.lab.runs import make_run


@pytest.fixture(scope="module")
def client(around_tmp_paths: Path) -> Iterator[Client]:
    with painter(around_tmp_paths) as client:
        yield client


def people(run: Path, client: Client, *voters: str, fooled: bool, same: bool = True) -> None:
    report = judged(run, client)
    blind = BlindJudging(run, folder_of(run, report.number), report)
    for voter in voters:
        for pair in blind.pairs(voter):
            left = blind.vote(voter, pair.name, "left", same=same)
            if (left.found == "painted") is not fooled:
                blind.vote(voter, pair.name, "right", same=same)


def test_a_metric_scores_what_it_can_and_says_what_it_is(tmp_path: Path, client: Client) -> None:
    came: list[tuple[int, int]] = []
    run = make_judgeable(tmp_path)
    report = judged(run, client, came=lambda *how_far: came.append(how_far))
    assert came == [(1, 2), (2, 2)]
    assert report.judge.is_metric
    assert [axis.name for axis in report.axes] == ["Q1", "Q4"]
    assert report.bars == "metric 1"
    assert report.verdict == "REJECT"  # a flat colour is like no dataset of noise
    assert "nobody looked" in report.notes[0]
    assert "2 cells are few" in report.notes[-1]
    assert report.cells[0].references[0].startswith("../set/")
    state = read_state(run)
    assert state is not None
    assert (state.judgements[0].is_metric, state.judgements[0].folder, state.spending) == (True, "report/judge-1", ())


def test_people_are_waited_for_and_then_decide(tmp_path: Path, client: Client) -> None:
    run = make_judgeable(tmp_path, judge="person", voters=2)
    report = judged(run, client)
    assert (report.verdict, report.bars) == ("IN FLIGHT", "people 1")
    assert len({cell.references for cell in report.cells}) == 2
    people(run, client, "ada", fooled=True)
    assert judged(run, client).reasons[0] == "p1-s1: waiting: 1 of 2 people voted"
    people(run, client, "bob", fooled=True)
    report = judged(run, client)
    assert report.verdict == "PROCEED"
    assert report.agreement is not None
    assert (report.agreement.people, report.agreement.items, report.agreement.agreed) == (2, 2, 2)


def test_people_who_always_find_the_painted_one_reject_it(tmp_path: Path, client: Client) -> None:
    run = make_judgeable(tmp_path, judge="person")
    people(run, client, "ada", fooled=False)
    report = judged(run, client)
    assert report.verdict == "REJECT"
    assert report.reasons[0] == "photographic: 0 of 2 cells pass, 1 is wanted"


def test_a_model_is_held_to_what_people_said_of_the_same_pictures(
    tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FakeJudge("good") as server:
        base_url = f"{server.url}/v1"
        run = make_judgeable(tmp_path, judge="openai", model="eye", base_url=base_url, price_in=0.0, price_out=0.0)
        people(run, client, "ada", fooled=False)
        report = judged(run, client)
    assert report.calibration is not None
    held = report.calibration
    assert (held.cells, held.people, held.agreed, held.best_agreed) == (2, 1, 0, 2)
    assert held.best > 0.9


def test_what_is_gone_is_painted_again_and_what_is_there_is_not(tmp_path: Path, client: Client) -> None:
    run = make_judgeable(tmp_path)
    before = judged(run, client)
    (run / "report/judge-1/cells/p1-s2.png").unlink()
    told: list[str] = []
    after = judged(run, client, told)
    assert [cell.sha256 for cell in after.cells] == [cell.sha256 for cell in before.cells]
    assert told[0] == "painting 1 pictures with checkpoint 100"


def test_a_run_that_was_copied_goes_on_where_it_is(tmp_path: Path, client: Client) -> None:
    run = make_judgeable(tmp_path / "here", judge="person")
    judged(run, client)
    (tmp_path / "here").rename(tmp_path / "there")
    run = tmp_path / "there" / "ink"
    people(run, client, "ada", fooled=True)
    told: list[str] = []
    assert judged(run, client, told).verdict == "PROCEED"
    assert told == []


def test_each_score_is_an_event_of_the_judgings_span(
    tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    report = judged(make_judgeable(tmp_path), client)
    (span,) = (span for span in spans.get_finished_spans() if span.name == names.LAB_JUDGE)
    assert [event.name for event in span.events] == ["gen_ai.evaluation.result"] * 4
    first = dict(span.events[0].attributes or {})
    assert first == {
        "gen_ai.evaluation.name": "identity",
        "gen_ai.evaluation.score.value": report.cells[0].scores[0].score,
        "gen_ai.evaluation.score.label": "fail",
        "gen_ai.evaluation.explanation": report.cells[0].scores[0].sentence,
        "kilnmark.lab.cell": "p1-s1",
    }
    assert dict(span.attributes or {})["kilnmark.lab.verdict"] == "REJECT"


def test_which_checkpoint_is_meant_has_to_be_known(tmp_path: Path, client: Client) -> None:
    with pytest.raises(NothingToJudge, match="has no checkpoint; train, or bring some in"):
        judged(make_run(tmp_path, "checked"), client)
    run = make_judgeable(tmp_path, steps=(100, 200))
    with pytest.raises(NothingToJudge, match="no checkpoint of the run is picked"):
        judged(run, client)
    with pytest.raises(NothingToJudge, match="there are 100, 200"):
        judged(run, client, step=300)
    assert judged(run, client, step=200).adapter.step == 200
    (run / "checkpoints/100.safetensors").write_bytes(b"other")
    with pytest.raises(NothingToJudge, match="not what it was"):
        judged(run, client, step=100)


def test_checkpoints_are_held_to_each_other_in_both_orders(
    tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    wanted: dict[str, Any] = {"judge": "openai", "model": "eye", "price_in": 1.0, "price_out": 1.0}
    said = iter(["A", "B", "A", "A"])  # the first checkpoint in both orders, then whatever is shown first
    with FakeJudge(answers=lambda _: {"better": next(said), "sentence": "sharper"}) as server:
        run = make_judgeable(tmp_path, steps=(100, 200), base_url=f"{server.url}/v1", **wanted)
        with open_run(run) as held:
            found = compare_checkpoints(held, client, (100, 200), lambda _: None)
            again = compare_checkpoints(held, client, (100, 200), lambda _: None)
        assert len(server.paid) == 4
    assert found == again
    assert ([pair.better for pair in found.pairs], found.wins, found.contradicted) == ([100, None], (1, 0), 1)


def test_only_a_model_judges_pairs(tmp_path: Path, client: Client) -> None:
    run = make_judgeable(tmp_path, steps=(100, 200))
    with open_run(run) as held, pytest.raises(JudgeUnusable, match="judges no pairs"):
        compare_checkpoints(held, client, (100, 200), lambda _: None)


def test_runs_are_compared_on_the_cells_in_common(tmp_path: Path, client: Client) -> None:
    one = make_judgeable(tmp_path / "one", judge="person", seeds=(1, 2, 3))
    other = make_judgeable(tmp_path / "other", judge="person", seeds=(3, 2))
    for run, fooled in ((one, True), (other, False)):
        people(run, client, "ada", fooled=fooled)
        judged(run, client)
    found = compare_runs([one, other])
    assert found.cells == ("p1-s2", "p1-s3")
    assert [run.axes[-1].passed for run in found.runs] == [2, 0]
    assert (found.differences[0].better, found.differences[0].worse, found.differences[0].tells) == (2, 0, False)
    assert "2 cells are few: a share of 2 of 2 may be anything from 34% to 100%" in found.notes[0]


def test_runs_that_differ_in_more_than_their_adapters_are_not_compared(tmp_path: Path, client: Client) -> None:
    one = make_judgeable(tmp_path / "one")
    other = make_judgeable(tmp_path / "other", numbers={"width": 128, "height": 64, "steps": 1})
    with pytest.raises(NotComparable, match=f"{one}, {other} have no judged cell yet.* judge with `kilnmark lab judge"):
        compare_runs([one, other])
    judged(one, client)
    with pytest.raises(NotComparable, match=f"^{other} has no judged cell yet"):
        compare_runs([one, other])
    judged(other, client)
    with pytest.raises(NotComparable, match="the numbers"):
        compare_runs([one, other])
    with pytest.raises(RunMissing):
        compare_runs([one, tmp_path])


def test_the_command_says_what_it_came_to(tmp_path: Path, client: Client) -> None:
    run = make_judgeable(tmp_path)
    dry = run_here("lab", "judge", run, "--dry-run")
    assert (dry.returncode, dry.stdout) == (0, "nothing leaves this machine, and it costs nothing\n")
    found = run_here("lab", "judge", run, "--socket", str(client.socket), "--json")
    assert (found.returncode, json.loads(found.stdout)["verdict"]) == (1, "REJECT")
    shown = CliRunner().invoke(lab, ["judge", str(run), "--socket", str(client.socket)])
    assert f"kilnmark lab sweep {run} --pick STEP --why REASON" in shown.stderr


def test_a_folder_that_somebody_who_was_killed_had_begun_is_gone_on_with(tmp_path: Path, client: Client) -> None:
    run = make_judgeable(tmp_path, judge="person")
    (run / "report/judge-1").mkdir(parents=True)
    assert judged(run, client).number == 1
    with open_run(run) as held:
        held.change(judgements=())
    told: list[str] = []
    assert judged(run, client, told).number == 1
    assert told == []


def test_an_adapter_that_the_daemon_may_not_read_is_copied_to_where_it_may(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    run = make_judgeable(tmp_path)
    path = run / "run.toml"
    path.write_text(path.read_text().replace("[sweep]\n", '[sweep]\nroot = "../root"\n'))
    with painter(tmp_path / "root") as client:
        judged(run, client)
    assert [copy.name for copy in (tmp_path / "root").rglob("*.safetensors")] == ["100.safetensors"]
