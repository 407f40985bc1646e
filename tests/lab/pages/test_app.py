"""The site: every page of every run, and nothing that lies outside of what may be shown."""

import re
from html import unescape
from pathlib import Path

import msgspec
import pytest

from kilnmark.lab.judging.report import read_judgement, write_judgement
from kilnmark.lab.run.folder import open_run
from tests.lab.pages.asking import HOST, Asker
from tests.lab.pages.conftest import NAMES
from tests.lab.runs import fill_judged, make_run


def test_what_is_in_flight_comes_first_with_the_command_to_go_on(asker: Asker, runs: Path) -> None:
    text = asker.get("/").text
    flight = text.partition('id="flight"')[2].partition("</section>")[0]
    assert f"kilnmark lab judge {runs}/judging" in flight
    assert 'href="runs/judging/index.html"' in flight
    assert "runs/bad/" not in flight
    assert 'href="runs/bad/index.html"' in text
    assert 'href="documents/docs/goals.md.html"' in text


@pytest.mark.parametrize("name", NAMES)
def test_a_run_has_its_page(asker: Asker, name: str) -> None:
    answer = asker.get(f"/runs/{name}/index.html")
    assert answer.status == 200
    assert "How to continue" in answer.text
    assert "None" not in answer.text


def test_the_reasons_of_a_judge_lie_behind_each_tile_and_are_text(asker: Asker) -> None:
    text = asker.get("/runs/bad/").text
    assert text.count('<details class="tile') == 6
    assert "another hand" in text
    assert "&lt;b&gt;sound&lt;/b&gt;" in text
    assert "<b>" not in text


def test_the_first_failure_is_shown(asker: Asker) -> None:
    text = unescape(asker.get("/runs/failed/").text)
    assert "<dt>first failure</dt><dd>RuntimeError: <b>out of memory</b></dd>" in text


def test_every_picture_of_a_page_is_there(asker: Asker) -> None:
    text = asker.get("/runs/bad/").text
    addresses = set(re.findall(r'<(?:img src|a href)="((?:small|files|sources)/[^"]+)"', text))
    assert len(addresses) > 12
    answers = {address: asker.get(f"/runs/bad/{address}") for address in addresses}
    assert {address: answer.status for address, answer in answers.items() if answer.status != 200} == {}
    assert answers["small/report/judge-1/p1-s101.png"].headers["content-type"] == "image/jpeg"


def test_a_picture_that_has_not_changed_is_not_sent_again(asker: Asker) -> None:
    first = asker.get("/runs/bad/small/report/judge-1/p1-s101.png")
    assert (
        asker.get("/runs/bad/small/report/judge-1/p1-s101.png", **{"if-none-match": first.headers["etag"]}).status
        == 304
    )


@pytest.mark.parametrize(
    "path",
    [
        "/runs/bad/files/../failed/run.toml",
        "/runs/bad/files/%2e%2e/failed/run.toml",
        "/runs/bad/files//etc/passwd",
        "/runs/bad/files/.lock",
        "/runs/bad/files/checkpoints/ink-000400.safetensors",
        "/runs/bad/sources/../docs/sketch.png",
        "/runs/bad/sources/%2e%2e/docs/sketch.png",
        "/runs/bad/small/run.toml",
        "/runs/../docs/goals.md",
        "/runs/",
        "/runs/nothing/",
        "/documents/docs/nothing.md.html",
        "/documents/bad/SUMMARY.md.html",
        "/documents/docs/../set/0.png",
        "/documents/set/0.png",
        "/batches/bad/",
        "/nothing",
    ],
)
def test_what_may_not_be_shown_is_not_there(asker: Asker, path: str) -> None:
    assert asker.get(path).status == 404


def test_no_link_leads_out(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "runs", "checked")
    secret = tmp_path / "secret.txt"
    secret.write_text("nobody's")
    (folder / "report").mkdir()
    (folder / "report" / "a.txt").symlink_to(secret)
    (tmp_path / "runs" / "linked").symlink_to(folder, target_is_directory=True)
    asker = Asker(tmp_path / "runs")
    assert asker.get("/runs/checked/files/report/a.txt").status == 404
    assert asker.get("/runs/linked/").status == 404
    assert asker.get("/runs/checked/").status == 200


def test_a_report_of_another_program_can_do_nothing(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "checked")
    (folder / "report").mkdir()
    (folder / "report" / "a.html").write_text("<script>alert(1)</script>")
    asker = Asker(tmp_path)
    answer = asker.get("/runs/checked/files/report/a.html")
    assert answer.headers["content-security-policy"].startswith("sandbox allow-same-origin; default-src 'none'")
    again = asker.get("/runs/checked/files/report/a.html", **{"if-none-match": answer.headers["etag"]})
    assert again.status == 304
    assert again.headers["content-security-policy"] == answer.headers["content-security-policy"]


def test_a_document_is_shown_and_does_nothing(asker: Asker) -> None:
    text = asker.get("/documents/docs/goals.md.html").text
    assert '<a href="handover.md.html" rel="noreferrer noopener">' in text
    assert '<h2 id="why">' in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert 'src="sketch.png"' in text
    assert "https://example.invalid" not in text
    assert 'href="javascript' not in text
    assert asker.get("/documents/docs/sketch.png").headers["content-type"] == "image/png"


def test_a_run_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    make_run(tmp_path, "checked")
    (make_run(tmp_path, "picked") / "state.json").write_text("{")
    asker = Asker(tmp_path)
    text = asker.get("/").text
    assert "2 runs, none in flight, 1 cannot be read" in text
    assert text.count("picked/state.json") == 1
    assert text.index("UNREADABLE") < text.index('href="runs/checked/index.html"')
    assert "Could not be read" not in text
    page = asker.get("/runs/picked/")
    assert (page.status, "picked/state.json" in page.text) == (500, True)


def test_what_is_not_there_leads_back_to_the_index_and_strangers_nowhere(tmp_path: Path) -> None:
    asker = Asker(tmp_path)
    assert '<a href="/index.html">To the index' in asker.get("/runs/gone/").text
    assert "To the index" not in asker.ask("GET", "/", {"host": HOST}).text


def test_of_what_nobody_judged_no_share_is_told(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "judging", fill_judged)
    with open_run(folder) as run:
        report = read_judgement(run.folder / run.state.judgements[-1].folder)
        assert report is not None
        none = tuple(msgspec.structs.replace(share, passed=0, of=0, low=0.0, high=1.0) for share in report.shares)
        write_judgement(run.folder / run.state.judgements[-1].folder, msgspec.structs.replace(report, shares=none))
    text = Asker(tmp_path).get("/runs/judging/").text
    assert "none judged yet" in text
    assert "0 of 0" not in text
    assert "0% to 100%" not in text


def test_a_run_alone_can_be_served(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "checked")
    asker = Asker(folder)
    assert 'href="runs/checked/index.html"' in asker.get("/").text
    assert f"kilnmark lab train {folder}" in asker.get("/runs/checked/").text


def test_while_a_command_works_in_a_run_its_page_says_so(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "checked")
    with open_run(folder):
        text = Asker(tmp_path).get("/runs/checked/").text
    assert "A command works in it now." in text
    assert f"kilnmark lab show {folder}" in text
