"""`kilnmark lab preflight`: its exit codes, its one document, and that options and run.toml never disagree silently."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from kilnmark.lab.cli.preflight import PreflightDocument, preflight
from tests.lab.dataset.drawn import TRIGGER, dataset, everything, small_run


def _ask(*words: object) -> Result:
    return CliRunner().invoke(preflight, [str(word) for word in words])


def test_a_dataset_alone_is_looked_at_and_nothing_is_written(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set", 9)
    before = everything(tmp_path)
    words = (folder, "--kind", "style", "--trigger", TRIGGER, "--base", "mini", "--size", "64")
    refused, good = _ask(*words), _ask(*words, "--pairs", "8")
    assert (refused.exit_code, good.exit_code) == (1, 0)
    assert "9 pairs, and a style wants at least 150" in refused.stdout
    assert "it can be trained on: 0 refused" in good.stdout
    assert everything(tmp_path) == before


def test_all_is_one_document(tmp_path: Path) -> None:
    words = (dataset(tmp_path / "set", 9), "--kind", "style", "--base", "mini", "--size", "64", "--pairs", "8")
    result = _ask(*words, "--out", tmp_path / "out", "--json")
    document = msgspec.json.decode(result.stdout, type=PreflightDocument)
    assert document.report.passed
    assert list(document.given) == ["mflux", "kohya", "remote"]
    assert all(Path(path).is_file() for path in document.written)
    assert len(document.written) == 5


def test_a_run_decides_for_itself(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    result = _ask("--run", run, "--json")
    assert result.exit_code == 0
    assert list(msgspec.json.decode(result.stdout, type=PreflightDocument).given) == ["mflux"]
    assert _ask(tmp_path / "set", "--run", run, "--kind", "style", "--trigger", TRIGGER).exit_code == 0


def test_a_trainer_without_anything_for_the_base_is_told(tmp_path: Path) -> None:
    result = _ask("--run", small_run(tmp_path, base="dev"))
    assert result.exit_code == 0
    assert result.stderr.startswith("nothing is written for mflux, which does not train dev\n")


def test_steps_that_a_trainer_takes_beyond_those_asked_for_are_told(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    result = _ask("--run", run)
    first, second, *_ = result.stderr.splitlines()
    assert (result.exit_code, first) == (
        0,
        "mflux ends after a whole pass over 9 pictures: 1008 steps instead of 1000",
    )
    assert second.endswith(f": kilnmark lab train {run}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name a DATASET"),
        (("set",), "say with --kind"),
        (("set", "--kind", "style", "--for", "kohya"), "give it too"),
        (("--run", "ink", "--kind", "subject"), "leave --kind out"),
        (("--run", "ink", "--for", "kohya"), "leave --for out"),
        (("ink", "--run", "ink"), "leave DATASET out"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    small_run(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = _ask(*words)
    assert (result.exit_code, said in result.stderr) == (2, True)
