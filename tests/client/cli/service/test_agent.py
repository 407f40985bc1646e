"""The agent of launchd, read back as launchd reads it: each key one that it knows, each value of the type it wants."""

import plistlib
from pathlib import Path

import pytest

from kilnmark.client.cli.service.agent import LABEL, SOCKET_NAME, agent, command_of
from kilnmark.client.cli.service.sealed import SealedFile, state_of
from tests.client.cli.service.conftest import Planned

KEYS: dict[str, object] = {
    "Label": str, "ProgramArguments": [str], "EnvironmentVariables": {"*": str}, "WorkingDirectory": str,
    "RunAtLoad": bool, "KeepAlive": {"SuccessfulExit": bool}, "ThrottleInterval": int, "ExitTimeOut": int,
    "ProcessType": str, "Umask": int, "SoftResourceLimits": {"NumberOfFiles": int, "Core": int},
    "HardResourceLimits": {"Core": int}, "StandardOutPath": str, "StandardErrorPath": str,
    "Sockets": {"*": {"SockFamily": str, "SockType": str, "SockPathName": str, "SockPathMode": int}},
}  # fmt: skip
"""Of `launchd.plist(5)`: those that we use, with their types."""


def fits(value: object, wanted: object) -> bool:
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(
            fits(each, wanted.get(key, wanted.get("*"))) for key, each in value.items()
        )
    if isinstance(wanted, list):
        return isinstance(value, list) and all(fits(each, wanted[0]) for each in value)
    return type(value) is wanted


def test_each_key_is_one_that_launchd_knows_and_of_its_type(tmp_path: Path, planned: Planned) -> None:
    told = plistlib.loads(agent(planned({"HF_HOME": "/m"}), tmp_path / "log").encode())
    assert [key for key, value in told.items() if not fits(value, KEYS.get(key))] == []
    assert set(told) == set(KEYS)
    assert told["ProcessType"] in ("Standard", "Adaptive", "Background", "Interactive")
    assert not fits({"Umask": "077"}, KEYS)


def test_it_says_what_the_plan_says_however_that_is_spelled(tmp_path: Path, planned: Planned) -> None:
    odd = tmp_path / 'a <b> & "c" \u00fc'
    odd.mkdir()
    plan = planned({"HF_HOME": str(odd)}, lora_roots=(str(odd),), drain_timeout="7")
    told = plistlib.loads(agent(plan, tmp_path / "log").encode())
    assert told["ProgramArguments"] == list(plan.command) == command_of(agent(plan, tmp_path / "log").encode())
    assert told["EnvironmentVariables"] == {"HF_HOME": str(odd)}
    assert told["WorkingDirectory"] == str(plan.folder)
    assert told["ExitTimeOut"] > 7
    (name, socket) = next(iter(told["Sockets"].items()))
    assert (name, socket["SockPathName"], socket["SockPathMode"]) == (SOCKET_NAME, str(plan.socket), 0o600)
    assert told["Label"] == LABEL


@pytest.mark.parametrize("told", [b"", b"<plist>", b"\xff", b"<plist><dict/></plist>"])
def test_one_that_cannot_be_read_has_no_command(told: bytes) -> None:
    assert command_of(told) == ()


def test_its_seal_is_a_comment_that_holds(tmp_path: Path, planned: Planned) -> None:
    file = SealedFile(tmp_path / "agent.plist", agent(planned(), tmp_path / "log"))
    file.write()
    assert state_of(file.path) == "ours"
    file.path.write_text(file.text.replace("<true/>", "<false/>"))
    assert state_of(file.path) == "edited"


def test_the_daemon_asks_for_the_socket_by_the_name_that_it_has_there() -> None:
    source = Path(__file__).parents[4] / "daemon" / "kilnmark" / "daemon" / "wire" / "activation.py"
    assert f'LAUNCHD_NAME = "{SOCKET_NAME}"' in source.read_text()
