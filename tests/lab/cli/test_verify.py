"""`kilnmark lab verify` and `lab calibrate`: what may be asked, what a verdict ends with, who may sign."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from kilnmark.client.testing import fake_daemon
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.lab.cli.main import lab
from kilnmark.lab.gate.errors import NotSigned
from kilnmark.lab.gate.report import write_report
from kilnmark.lab.gate.signing import SIGNED
from kilnmark.lab.run.next import next_for_file
from kilnmark.lab.run.state import Outcome
from kilnmark.protocol.exits import ExitCode
from tests.lab.gate.known import report_of, with_figures


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, Path]]:
    with fake_daemon() as daemon:
        yield str(daemon.socket), daemon.loras


def lab_says(*words: str | Path) -> Result:
    return CliRunner().invoke(lab, [str(word) for word in words])


def test_a_dead_adapter_ends_with_the_exit_code_of_adapters_that_do_not_engage(
    served: tuple[str, Path], tmp_path: Path
) -> None:
    socket, loras = served
    file = make_adapter(loras / "dead.safetensors", dead=True, blocks=1)
    asked = ("--kind", "style", "--base", "standin", "--socket", socket, "--report", tmp_path)
    found = lab_says("verify", file, *asked)
    assert found.exit_code == ExitCode.NOT_ENGAGED
    assert "refused by style" in found.output
    assert (tmp_path / "index.html").is_file()


@pytest.mark.parametrize("words", [(), ("--kind", "style"), ("--sign", "Ada")])
def test_what_is_missing_is_asked_for(words: tuple[str, ...]) -> None:
    found = lab_says("verify", *words)
    assert found.exit_code == ExitCode.USAGE
    assert "--run" in found.output


def test_nobody_signs_where_nobody_can_be_asked(tmp_path: Path) -> None:
    report = write_report(tmp_path / "ink.verify", report_of(Outcome.PASSED))
    found = lab_says("verify", "--report", report.parent, "--sign", "Ada")
    assert isinstance(found.exception, NotSigned)
    assert not report.with_name(SIGNED).exists()


def test_a_file_that_passed_is_followed_by_the_command_that_signs_it_and_then_by_the_one_that_lets_it_serve() -> None:
    [sign] = next_for_file("my ink.safetensors", "ink.verify", Outcome.PASSED, signed=False)
    assert sign.command == "kilnmark lab verify 'my ink.safetensors' --report ink.verify --sign NAME"
    [promote] = next_for_file("ink.safetensors", "ink.verify", Outcome.PASSED, signed=True)
    assert promote.command.startswith("kilnmark lab promote ink.safetensors --report ink.verify --genre GENRE")
    assert next_for_file("ink.safetensors", "ink.verify", Outcome.FAILED, signed=False) == ()


def test_nobody_is_asked_to_sign_what_the_gate_refused(tmp_path: Path) -> None:
    report = write_report(tmp_path / "ink.verify", report_of(Outcome.FAILED))
    found = lab_says("verify", "--report", report.parent, "--sign", "Ada")
    assert isinstance(found.exception, NotSigned)
    assert "the gate says failed" in str(found.exception)


def test_outside_of_a_run_no_setting_lets_anybody_sign_unasked(tmp_path: Path) -> None:
    report = write_report(tmp_path / "ink.verify", report_of(Outcome.PASSED))
    found = lab_says("verify", "--report", report.parent, "--sign", "Ada", "--yes")
    assert found.exit_code == ExitCode.USAGE
    assert "only a run can allow" in found.output


def test_calibrating_proposes_limits_that_a_run_can_have(tmp_path: Path) -> None:

    words: list[str | Path] = []
    for name, kept in {"good1": 0.6, "good2": 0.5, "bad": 0.1}.items():
        report = msgspec.structs.replace(report_of(Outcome.PASSED), figures=with_figures(kept=kept))
        words += ["--bad" if name == "bad" else "--good", write_report(tmp_path / name, report).parent]
    found = lab_says("calibrate", "--kind", "style", *words)
    assert found.exit_code == 0
    limits = tomllib.loads(found.output)["verify"]["limits"]
    assert limits["kept"] == {"least": pytest.approx(0.3)}
    assert "0 of 1 bad ones promoted" in found.output
