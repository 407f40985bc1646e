"""`kilnmark doctor` whole: with a daemon and without, its document, its exit codes; settings that are wrong."""

import sys
from pathlib import Path

import msgspec
import pytest

from kilnmark.client.cli.doctor.observation import DoctorDocument, Health, fault, ok, warning
from kilnmark.protocol.exits import ExitCode
from tests.client.conftest import FakeDaemon
from tests.client.here import run_here

OK, WARNING, FAULT = Health.OK, Health.WARNING, Health.FAULT


def of_home(home: Path, **env: str) -> dict[str, str]:
    """Variables of a user who has nothing yet."""
    places = {"HOME": home, "XDG_RUNTIME_DIR": home / "run", "HF_HOME": home / "hf"}
    unset = ("KILNMARK_SOCKET", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "OTEL_EXPORTER_OTLP_ENDPOINT")
    return dict.fromkeys(unset, "") | {name: str(place) for name, place in places.items()} | env


def doctor(*arguments: str, **env: str) -> tuple[int, DoctorDocument]:
    done = run_here("doctor", "--json", *arguments, env=env)
    return done.returncode, msgspec.json.decode(done.stdout, type=DoctorDocument)


def amiss(document: DoctorDocument) -> list[tuple[str, str]]:
    return [(each.about, each.found) for each in document.observations if each.health is not OK]


def test_a_machine_that_is_well_and_has_no_daemon_gets_no_alarm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilnmark.client.cli.doctor.engine.NVIDIA", folder / "no-card")
    code, document = doctor(**of_home(folder))
    assert amiss(document) == []
    assert (code, document.health) == (0, OK)
    assert {each.about for each in document.observations} >= {
        *("installation", "daemon's part", "back end", "settings", "socket", "daemon"),
        *("base", "adapters", "pictures", "journal", "packs", "traces"),
    }
    assert {"mlx", "mlx.core", "mflux"}.isdisjoint(sys.modules) or "kilnmark.engine" in sys.modules
    assert list(folder.iterdir()) == []


def test_beside_a_daemon_it_is_about_that_daemon(daemon: FakeDaemon, folder: Path) -> None:
    code, document = doctor("--socket", str(daemon.socket), **of_home(folder))
    found = {each.about: each.found for each in document.observations}
    assert f"process {daemon.pid}, is " in found["daemon"]
    assert found["base"].startswith("standin is held on cpu")
    assert found["adapters"] == f"those below {daemon.folder}"
    assert str(folder) not in found["pictures"]
    assert [about for about, _ in amiss(document)] in ([], ["packs"])
    assert code == document.exit_code


def test_people_get_a_line_each_and_what_to_do(folder: Path) -> None:
    done = run_here("doctor", "--variant", "dev", env=of_home(folder))
    lines = done.stdout.splitlines()
    (at,) = (number for number, line in enumerate(lines) if line.startswith("fault    licence "))
    assert "there is no token here" in lines[at]
    assert lines[at + 1].strip().startswith("-> accept the licence at https://")
    assert done.returncode == 1
    assert "fault" in lines[-1]


def test_a_file_that_is_wrong_is_a_fault_among_others(folder: Path) -> None:
    config = folder / "kilnmark.toml"
    config.write_text("queue_limit = -1\n")
    code, document = doctor(**of_home(folder, KILNMARK_CONFIG=str(config)))
    found = {each.about: each for each in document.observations}
    assert (code, found["settings"].health) == (1, FAULT)
    assert f"{config}:1: queue_limit" in found["settings"].found
    assert found["socket"].health is OK


def test_each_setting_that_is_wrong_is_a_fault_of_its_own(folder: Path) -> None:
    config = folder / "config.toml"
    config.write_text("queue_limit = -1\nageing = 'soon'\n")
    _, document = doctor(**of_home(folder, KILNMARK_CONFIG=str(config)))
    told = sorted(each.found for each in document.observations if each.about == "settings")
    assert [found.split(": ")[0:2] for found in told] == [[f"{config}:1", "queue_limit"], [f"{config}:2", "ageing"]]


def test_warnings_alone_have_an_exit_code_of_their_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilnmark.client.cli.doctor.engine.NVIDIA", folder / "no-card")
    code, document = doctor(**of_home(folder, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9"))
    assert [about for about, _ in amiss(document)] == ["traces"]
    assert (code, document.health) == (4, WARNING)


def test_an_option_that_is_wrong_is_a_wrong_command_line(folder: Path) -> None:
    assert run_here("doctor", "--queue-limit", "-1", env=of_home(folder)).returncode == 2


def test_what_cannot_be_looked_at_keeps_nothing_else_from_it(folder: Path) -> None:
    (folder / "run").write_text("no folder")
    code, document = doctor(**of_home(folder))
    assert [about for about, _ in amiss(document)] == ["socket"]
    assert code == 1


@pytest.mark.parametrize(
    ("observations", "health", "code"),
    [
        ([], OK, ExitCode.DONE),
        ([ok("a", "b")], OK, ExitCode.DONE),
        ([ok("a", "b"), warning("a", "b", "c")], WARNING, ExitCode.WARNED),
        ([fault("a", "b", "c"), warning("a", "b", "c"), ok("a", "b")], FAULT, ExitCode.FAILED),
    ],
)
def test_the_worst_decides_how_it_ends(observations: list[object], health: Health, code: ExitCode) -> None:
    document = DoctorDocument.of(observations)  # type: ignore[arg-type]
    assert (document.health, document.exit_code) == (health, code)


def test_a_folder_of_the_user_that_counts_for_nothing_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilnmark.client.cli.doctor.engine.NVIDIA", folder / "no-card")
    code, document = doctor(**of_home(folder, XDG_STATE_HOME="state"))
    (found,) = (each for each in document.observations if each.health is not OK)
    assert (code, found.about) == (4, "settings")
    assert found.found.startswith("$XDG_STATE_HOME is 'state'")
    assert list(folder.iterdir()) == []
