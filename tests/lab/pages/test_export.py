"""The exported site: whole, without a server, and nothing else."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest

from kilnmark.lab.pages.export import ExportRefused, export_site
from tests.lab.runs import fill_judged, make_batch, make_run, painted


def links(page: Path) -> set[str]:
    text = page.read_text()
    found = re.findall(r'(?:href|src)="([^"]+)"', text)
    return {unquote(unescape(each).partition("#")[0]) for each in found if not each.startswith(("#", "http"))}


def test_every_link_of_every_page_leads_to_a_file(runs: Path, tmp_path: Path) -> None:
    made = export_site(runs, tmp_path / "site")
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert (len(pages), made.missing) == (made.pages, ())
    lost = [(page.name, link) for page in pages for link in links(page) if not (page.parent / link).is_file()]
    assert lost == []
    assert (tmp_path / "site" / "runs" / "bad" / "files" / "train.log").is_file()


def test_it_says_nothing_of_where_the_folder_lies(runs: Path, tmp_path: Path) -> None:
    export_site(runs, tmp_path / "site")
    assert [page for page in (tmp_path / "site").rglob("*.html") if str(runs.parent) in page.read_text()] == []
    assert "kilnmark lab judge runs/judging" in (tmp_path / "site" / "index.html").read_text()


def test_nor_where_something_cannot_be_read(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    (make_run(runs, "checked") / "state.json").write_text("{")
    (make_run(runs, "good", fill_judged) / "report" / "judge-1" / "judgement.json").write_text("{")
    export_site(runs, tmp_path / "site")
    pages = [page.read_text() for page in (tmp_path / "site").rglob("*.html")]
    assert [text for text in pages if str(tmp_path) in text] == []
    assert any("checked/state.json: " in text for text in pages)
    assert any("judgement.json: " in text for text in pages)


def test_nothing_can_be_sent_from_it(tmp_path: Path) -> None:
    batch = make_batch(tmp_path / "runs")
    made = export_site(batch.parent, tmp_path / "site")
    text = (tmp_path / "site" / "batches" / batch.name / "index.html").read_text()
    assert "<form" not in text
    assert made.pictures == 10
    assert not (tmp_path / "site" / "batches" / batch.name / "manifest.json").exists()


def test_exporting_again_says_the_same(runs: Path, tmp_path: Path) -> None:
    first = export_site(runs, tmp_path / "site")
    assert export_site(runs, tmp_path / "site") == first
    assert [path.name for path in (tmp_path / "site").rglob("*.partial")] == []


def test_it_is_never_written_into_a_run(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "checked")
    with pytest.raises(ExportRefused, match="name a folder of its own"):
        export_site(tmp_path, folder / "site")


def test_it_is_never_written_among_the_runs(tmp_path: Path) -> None:
    make_run(tmp_path / "runs", "checked")
    for goal in (tmp_path / "runs", tmp_path):
        with pytest.raises(ExportRefused, match="holds a run"):
            export_site(tmp_path / "runs", goal)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["checked"]


def test_the_report_of_the_gate_goes_along_with_its_pictures(tmp_path: Path) -> None:
    report = make_run(tmp_path / "runs", "signed") / "report" / "verify"
    painted(report / "without-1.png", 3)
    for name in ("index.html", "report.json", "copy.safetensors"):
        (report / name).write_text("{}")
    site = export_site(tmp_path / "runs", tmp_path / "site").index.parent
    assert 'href="files/report/verify/index.html"' in (site / "runs" / "signed" / "index.html").read_text()
    there = sorted(path.name for path in (site / "runs" / "signed" / "files" / "report" / "verify").iterdir())
    assert there == ["index.html", "report.json", "without-1.png"]


def test_names_that_are_no_text_hinder_nothing(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "runs", "checked")
    folder.rename(folder.with_name("in\udcff <b>"))
    made = export_site(tmp_path / "runs", tmp_path / "site")
    text = made.index.read_text()
    assert made.missing == ()
    assert 'href="runs/in%FF%20%3Cb%3E/index.html"' in text
    assert "<b>" not in text


def test_what_is_not_there_any_more_is_told(tmp_path: Path) -> None:
    (make_run(tmp_path / "runs", "picked") / "state.json").write_text("{")
    made = export_site(tmp_path / "runs", tmp_path / "site")
    assert len(made.missing) == 1
    assert "state.json" in made.missing[0]
