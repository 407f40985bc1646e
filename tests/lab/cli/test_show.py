"""`kilnmark lab show` and `lab export`: the same as on the pages, for a terminal and for programs."""

import json
from pathlib import Path

from click.testing import CliRunner

from kilnmark.lab.cli.main import lab
from tests.lab.runs import MOMENTS, make_run


def test_a_run_is_shown_with_what_to_type_next(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "bad")
    text = CliRunner().invoke(lab, ["show", str(folder)]).stdout
    assert "✗ REJECT at judgement" in text
    assert "p2-s101: identity 0.31 is below 0.70: another hand" in text
    assert f"\n  kilnmark lab sweep {folder} --pick STEP --why REASON\n" in text
    assert "4.50 USD, of 20.00" in text


def test_a_program_is_told_the_same(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "picked")
    shown = json.loads(CliRunner().invoke(lab, ["show", str(folder), "--json"]).stdout)
    assert (shown["standing"]["stage"], shown["standing"]["verdict"]) == ("sweep", "WAITING")
    assert shown["next"][0]["command"] == f"kilnmark lab verify --run {folder}"
    assert shown["changed"] == MOMENTS[5]


def test_an_export_tells_what_is_missing_beside_its_page(tmp_path: Path) -> None:
    (make_run(tmp_path / "runs", "picked") / "state.json").write_text("{")
    make_run(tmp_path / "runs", "checked")
    done = CliRunner().invoke(lab, ["export", str(tmp_path / "runs"), "--to", str(tmp_path / "site")])
    assert done.stdout == f"{tmp_path}/site/index.html\n"
    assert "not shown: " in done.stderr
    assert "state.json" in done.stderr
