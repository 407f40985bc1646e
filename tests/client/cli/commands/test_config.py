"""`kilnmark config`, and the options that it shares with `serve`."""

import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kilnmark.client.cli.main import kilnmark
from kilnmark.protocol.settings import Settings
from tests.client.here import KILNMARK, run_here
from tests.client.test_package import modules_after


def config(folder: Path, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    assert not any(name.startswith("KILNMARK_") for name in os.environ)
    with contextlib.chdir(folder):
        variables = {"XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder), "COLUMNS": "200"} | env
        return run_here("config", *arguments, env=variables)


def entries(done: "subprocess.CompletedProcess[str]") -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in json.loads(done.stdout)["settings"]}


def test_each_value_is_shown_with_where_it_comes_from(folder: Path) -> None:
    (folder / "kilnmark").mkdir()
    file = folder / "kilnmark" / "config.toml"
    file.write_text("# mine\nageing = 60\n")
    done = config(folder, "--queue-limit", "9", KILNMARK_SOCKET="/run/kiln.sock")
    assert done.returncode == 0
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line}
    assert rows["ageing"] == ["60.0", f"{file}:2"]
    assert rows["queue_limit"] == ["9", "--queue-limit"]
    assert rows["socket"] == ["/run/kiln.sock", "$KILNMARK_SOCKET"]
    assert rows["batch_delay"] == ["30.0", "default"]
    assert rows["file:"] == [str(file)]
    assert set(Settings.model_fields) <= set(rows)


def test_the_document_has_every_setting_as_the_daemon_gets_it(folder: Path) -> None:
    (folder / "mine.toml").write_text('[bases]\nschnell = "schnell"\n')
    done = config(folder, "--json", "--config", "mine.toml", "--adapter-cache", "1MiB")
    found = entries(done)
    assert list(found) == list(Settings.model_fields)
    settings = Settings.model_validate_json(json.dumps({name: entry["value"] for name, entry in found.items()}))
    assert (settings.bases, settings.adapter_cache_bytes) == ({"schnell": "schnell"}, 1 << 20)
    assert found["bases"] | {"default": ""} == {
        "name": "bases", "option": "--base", "variable": "KILNMARK_BASES", "value": {"schnell": "schnell"},
        "default": "", "origin": "file", "where": f"{folder}/mine.toml:1", "file": f"{folder}/mine.toml", "line": 1,
    }  # fmt: skip
    assert found["adapter_cache_bytes"]["origin"] == "option"
    assert json.loads(done.stdout)["file"] == f"{folder}/mine.toml"


def test_a_wrong_key_ends_it_with_2_and_the_one_that_was_meant(folder: Path) -> None:
    (folder / "mine.toml").write_text("agein = 1\n")
    done = config(folder, "--json", KILNMARK_CONFIG="mine.toml")
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "usage"
    assert error["message"] == f"{folder}/mine.toml:1: there is no setting 'agein'; did you mean ageing?"
    assert "did you mean ageing?" in done.stderr


def test_a_file_that_the_command_line_names_reaches_the_daemon_that_is_started(folder: Path) -> None:
    """The socket's folder is open to others, so the daemon refuses it and nothing is left running."""
    (folder / "open").mkdir(mode=0o777)
    (folder / "open").chmod(0o777)
    (folder / "mine.toml").write_text('socket = "open/s"\nageing = 7\n')
    done = subprocess.run(
        [KILNMARK, "serve", "--json", "--config", "mine.toml"],
        capture_output=True, text=True, check=False, timeout=60, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"{folder}/open has mode 0777" in done.stderr
    assert json.loads(done.stdout)["ageing"] == 7.0


@pytest.mark.parametrize("command", ["serve", "config"])
def test_every_setting_is_an_option_with_its_help_and_its_default(folder: Path, command: str) -> None:
    done = run_here(command, "--help")
    assert done.returncode == 0
    text = " ".join(done.stdout.split())
    told = {field.metadata[-1].option: field.metadata[-1] for field in Settings.model_fields.values()}
    assert len(told) == len(Settings.model_fields)
    for option in told:
        described = text.partition(f"{option} ")[2].partition(" --")[0]
        assert "[default: " in described or "[default: " in text.partition(f"{option} ")[2][:200]
    assert "Pictures that may be the answer to an equal request again; 0 for none. [default: 2GiB]" in text
    assert "--ageing SECONDS" in text


def test_the_commands_that_need_no_settings_do_not_load_them() -> None:
    loaded = modules_after("import kilnmark.client.cli.main")
    assert loaded.isdisjoint({"pydantic", "tomllib", "kilnmark.protocol.settings"})
    assert {"serve", "config"} <= set(kilnmark.commands)
