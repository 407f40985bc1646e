"""What is installed, what MLX computes on, and whether a collector of traces answers."""

import socket
import threading
from pathlib import Path

import msgspec
import pytest

from kilnmark.client.cli.doctor import collector
from kilnmark.client.cli.doctor.collector import look_at_collector
from kilnmark.client.cli.doctor.engine import look_at_engine
from kilnmark.client.cli.doctor.examine import examine
from kilnmark.client.cli.doctor.installation import look_at_installation
from kilnmark.client.cli.doctor.observation import Health
from kilnmark.client.cli.doctor.packages import Required, required
from kilnmark.client.cli.doctor.patient import Patient, Unasked
from kilnmark.otel.receiver import Receiver
from tests.client.cli.doctor.patients import CPU, healths, patient, the_one

OK, WARNING, FAULT = Health.OK, Health.WARNING, Health.FAULT


@pytest.mark.parametrize(
    ("bounds", "installed", "fits"),
    [
        ("<0.25,>=0.24", "0.24.0", True),
        ("<0.25,>=0.24", "0.25.0", False),
        ("<0.25,>=0.24", "0.23.9", False),
        (">=8.2", "10.0.1rc1", True),
        (">=3.0", "3", True),
        ("==1.0", "1.0.0", True),
        ("", "1", True),
        ("", None, False),
    ],
)
def test_a_version_is_held_to_its_bounds(bounds: str, installed: str | None, *, fits: bool) -> None:
    assert Required("x", bounds, "", installed).fits is fits


def test_what_is_asked_for_is_read_from_the_metadata() -> None:
    found = {(package.name, package.extra) for package in required()}
    assert {("click", ""), ("mflux", "daemon"), ("mlx-cpu", "cpu"), ("mlx-cuda-13", "cuda")} <= found


def test_this_installation_is_well(tmp_path: Path) -> None:
    assert set(healths(look_at_installation(patient(tmp_path)))) == {OK}


def having(monkeypatch: pytest.MonkeyPatch, **installed: str | None) -> None:
    """Some packages are of another version, or absent."""
    real = required()
    changed = [package._replace(installed=installed.get(package.name, package.installed)) for package in real]
    monkeypatch.setattr("kilnmark.client.cli.doctor.patient.required", lambda: changed)


def test_a_light_installation_is_well_and_says_how_to_make_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    having(monkeypatch, mflux=None, mlx=None, uvloop=None, **{"mlx-cpu": None, "mlx-cuda-13": None})
    found = list(look_at_installation(patient(tmp_path)))
    assert healths(found) == [OK, OK]
    assert "kilnmark[cpu]" in found[1].mend
    assert list(look_at_engine(patient(tmp_path))) == []
    assert [each.about for each in examine(patient(tmp_path)).observations if "base" in each.about] == []


def test_a_half_installation_is_a_fault_and_a_wrong_version_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    having(monkeypatch, uvloop=None, mflux="0.23.0")
    found = list(look_at_installation(patient(tmp_path)))
    assert "uvloop is not installed" in the_one(found, FAULT).found
    assert "mflux is 0.23.0" in the_one(found, WARNING).found


@pytest.mark.parametrize(("cpu", "cuda", "health"), [(None, None, FAULT), ("0.32.4", "0.32.4", WARNING)])
def test_mlx_has_one_back_end_on_linux(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cpu: str | None, cuda: str | None, health: Health
) -> None:
    having(monkeypatch, **{"mlx-cpu": cpu, "mlx-cuda-13": cuda})
    assert the_one([each for each in look_at_installation(patient(tmp_path)) if each.health is not OK], health).mend


def test_a_slow_blas_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilnmark.client.cli.doctor.engine.NVIDIA", tmp_path / "no-card")
    slow = msgspec.structs.replace(CPU, fast_blas=None)
    assert the_one(look_at_engine(patient(tmp_path, engine=slow)), WARNING).about == "BLAS"


def test_a_card_that_is_not_used_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilnmark.client.cli.doctor.engine.NVIDIA", tmp_path)
    assert "NVIDIA" in the_one(look_at_engine(patient(tmp_path)), WARNING).found


def test_an_engine_that_computes_nothing_is_a_fault_in_its_own_words(tmp_path: Path) -> None:
    broken = Patient(str(tmp_path / "daemon.sock"), None, env={"PYTHONHOME": "/nowhere", "PATH": ""})
    found = the_one(look_at_engine(broken), FAULT)
    assert isinstance(broken.engine, Unasked)
    assert broken.engine.reason in found.found


@pytest.mark.parametrize(
    ("breaks", "reason"),
    [
        ("raise ImportError('libcuda.so.1: cannot open shared object file')", "ImportError: libcuda.so.1: cannot open"),
        ("import os; os.kill(os.getpid(), 11)", "it was ended by signal 11"),
    ],
)
def test_an_mlx_that_cannot_be_used_is_a_fault_with_what_it_said(tmp_path: Path, breaks: str, reason: str) -> None:
    (tmp_path / "mlx").mkdir()
    (tmp_path / "mlx" / "__init__.py").touch()
    (tmp_path / "mlx" / "core.py").write_text(breaks)
    broken = Patient(str(tmp_path / "daemon.sock"), None, env={"PYTHONPATH": str(tmp_path)})
    assert reason in the_one(look_at_engine(broken), FAULT).found


def test_no_collector_is_asked_for(tmp_path: Path) -> None:
    assert healths(look_at_collector(patient(tmp_path))) == [OK]


def traces(home: Path, endpoint: str, **env: str) -> tuple[Health, str]:
    (found,) = look_at_collector(patient(home, env={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **env}))
    return found.health, found.found


def test_a_collector_that_takes_traces_is_well_and_gets_none(tmp_path: Path) -> None:
    with Receiver() as receiver:
        assert traces(tmp_path, receiver.endpoint)[0] is OK
        assert traces(tmp_path, receiver.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")[0] is OK
        assert receiver.spans == []


def test_one_that_answers_with_something_else_is_a_warning(tmp_path: Path) -> None:
    with Receiver() as receiver:
        health, words = traces(tmp_path, f"{receiver.endpoint}/elsewhere")
    assert (health, "404" in words) == (WARNING, True)


def test_one_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    assert traces(tmp_path, "http://127.0.0.1:9")[0] is WARNING
    assert traces(tmp_path, "127.0.0.1:9", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")[0] is WARNING


def test_one_that_speaks_no_http_is_told_with_the_variable_that_mends_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_frame_once, args=(listening,), daemon=True).start()
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{listening.getsockname()[1]}"}
        (found,) = look_at_collector(patient(tmp_path, env=env))
    assert found.health is WARNING
    assert "OTEL_EXPORTER_OTLP_PROTOCOL=grpc" in found.mend


def _frame_once(listening: socket.socket) -> None:
    """Answer one client as a gRPC server does, with a frame of settings."""
    client, _ = listening.accept()
    with client:
        client.recv(1 << 16)
        client.sendall(b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\x40\0\0")


def test_one_that_hangs_is_a_warning_within_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        health, words = traces(tmp_path, f"http://127.0.0.1:{hanging.getsockname()[1]}")
    assert (health, "does not answer within 0.1 s" in words) == (WARNING, True)


def test_a_variable_that_cannot_be_followed_is_a_fault(tmp_path: Path) -> None:
    (found,) = look_at_collector(patient(tmp_path, env={"OTEL_TRACES_EXPORTER": "pigeon"}))
    assert (found.health, "OTEL_TRACES_EXPORTER" in found.found) == (FAULT, True)
