"""What a service is to run: what was said here, said again where nobody says anything."""

import sys
from pathlib import Path

import pytest

from kilnmark.client.cli.service.errors import UnfitForService
from kilnmark.client.cli.service.plan import CarriedSetting
from kilnmark.client.cli.service.systemd import Systemd
from kilnmark.client.cli.settings.gather import Surroundings, gather
from kilnmark.client.cli.settings.options import SettingsCommand
from tests.client.cli.service.conftest import Planned, gathered


def read_back(command: tuple[str, ...], home: Path) -> object:
    """The settings that a service's command comes to, started elsewhere and without a variable."""
    read = SettingsCommand("serve", callback=lambda **options: options)
    options = read.main(list(command[command.index("serve") + 1 :]), standalone_mode=False)
    around = Surroundings(env={}, platform="linux", home=home, uid=501, here=home)
    return gather(options, None, around).settings


def test_whatever_options_and_variables_say_the_services_command_says(tmp_path: Path, planned: Planned) -> None:
    for name in ("a", "b c", 'd"%h$HOME'):
        (tmp_path / name).mkdir()
    env = {
        "KILNMARK_LORA_ROOTS": "a:b c", "KILNMARK_BASE_MEMORY": "24GB", "KILNMARK_AGEING": "0.1",
        "KILNMARK_QUANTIZE": "", "XDG_RUNTIME_DIR": str(tmp_path / "run"),
    }  # fmt: skip
    options = {"bases": ('mine=d"%h$HOME', "schnell"), "variant": "mine", "picture_access": "group", "queue_limit": "7"}
    plan = planned(env, **options)
    said = gathered(tmp_path, env, **options).settings
    assert read_back(plan.command, tmp_path) == said.model_copy(update={"keep_failed": True})
    assert plan.command[:5] == (sys.executable, "-P", "-m", "kilnmark.client.cli", "serve")
    assert set(plan.settings) == {
        CarriedSetting("--lora-root", "$KILNMARK_LORA_ROOTS"), CarriedSetting("--base-memory", "$KILNMARK_BASE_MEMORY"),
        CarriedSetting("--ageing", "$KILNMARK_AGEING"), CarriedSetting("--base", "--base"),
        CarriedSetting("--variant", "--variant"), CarriedSetting("--picture-access", "--picture-access"),
        CarriedSetting("--queue-limit", "--queue-limit"),
    }  # fmt: skip


def test_the_socket_is_always_said_and_that_it_stays_and_nothing_else_that_nobody_said(
    tmp_path: Path, planned: Planned
) -> None:
    plan = planned()
    assert plan.command[5:] == ("--socket", f"{tmp_path}/run/kilnmark/daemon.sock", "--keep-failed")
    assert plan.folder == tmp_path / ".local/share/kilnmark"


@pytest.mark.parametrize(("said", "stays"), [("false", 0), ("true", 1)])
def test_a_variable_says_whether_it_stays_without_its_base(planned: Planned, said: str, stays: int) -> None:
    assert planned({"KILNMARK_KEEP_FAILED": said}).command.count("--keep-failed") == stays


def test_the_file_is_named_and_what_it_says_stays_its_own(tmp_path: Path, planned: Planned) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("queue_limit = 3\ndrain_timeout = 5\n")
    plan = planned({"KILNMARK_CONFIG": "mine.toml"})
    assert plan.command[5:7] == ("--config", str(file))
    assert "--queue-limit" not in plan.command
    assert (plan.drain, plan.settings) == (5, ())


def test_what_libraries_read_is_carried_and_what_may_be_secret_is_named(planned: Planned) -> None:
    carried = {
        "HF_HOME": "/models",
        "HF_TOKEN_PATH": "/token",
        "CUDA_VISIBLE_DEVICES": "1",
        "OTEL_SERVICE_NAME": "kiln",
        "XDG_DATA_HOME": "/d",
    }
    secret = {"HF_TOKEN": "hf_x", "OTEL_EXPORTER_OTLP_HEADERS": "key=x", "https_proxy": "http://me:x@p"}
    plan = planned({**carried, **secret, "EDITOR": "vi", "HF_ENDPOINT": ""})
    assert plan.variables == carried
    assert set(plan.secrets) == set(secret)
    assert not any("hf_x" in word for word in plan.command)


def test_a_folder_of_the_user_that_is_relative_is_not_carried_and_nothing_lies_below_the_current_one(
    planned: Planned, tmp_path: Path
) -> None:
    plan = planned({"XDG_DATA_HOME": "data", "XDG_CONFIG_HOME": ".", "XDG_CACHE_HOME": "caches"})
    assert plan.variables == {}
    assert plan.folder == tmp_path / ".local/share/kilnmark"
    units = Systemd({"XDG_CONFIG_HOME": "."}, home=tmp_path, user="ada").paths
    assert {unit.parent for unit in units} == {tmp_path / ".config/systemd/user"}


def test_an_interpreter_in_a_cache_is_noticed(planned: Planned) -> None:
    folder = Path(sys.executable).parents[1]
    assert planned().cache is None
    assert planned({"UV_CACHE_DIR": str(folder)}).cache == folder


@pytest.mark.parametrize("end", [" ", "\\"])
def test_a_socket_whose_end_systemd_would_read_otherwise_is_refused(planned: Planned, end: str) -> None:
    with pytest.raises(UnfitForService, match=r"the socket is .* ends in a blank or a backslash"):
        planned(socket=f"/run/kiln/d.sock{end}")


@pytest.mark.parametrize(
    ("env", "what"),
    [
        ({"HF_HOME": "/a\nExecStartPre=/bin/rm"}, "$HF_HOME"),
        ({"KILNMARK_OUTPUT_DIR": "/a\x01"}, "word of the command"),
        ({"XDG_DATA_HOME": "/a\rb"}, "$XDG_DATA_HOME"),
        ({"HF_HOME": "/a\x9b31m"}, "$HF_HOME"),
        ({"HF_HOME": "/a\u202eb"}, "$HF_HOME"),
    ],
)
def test_a_value_with_what_cannot_be_seen_is_refused(planned: Planned, env: dict[str, str], what: str) -> None:
    with pytest.raises(UnfitForService) as refused:
        planned(env)
    assert what in str(refused.value)
