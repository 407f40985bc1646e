"""`serve`: what the daemon is started with, and where a user's own files live."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kilnmark.client import Client
from kilnmark.protocol.settings import Settings
from tests.client.conftest import KILNMARK, serving
from tests.client.here import run_here

WITHOUT_THE_DAEMON = """
import sys, importlib.machinery

class Lacking(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name in ("mflux", "uvloop") else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = Lacking
from kilnmark.client.cli.main import main
sys.argv[:] = ["kilnmark", "serve", "--socket", sys.argv[1]]
main()
"""


def test_without_the_daemons_packages_it_says_which_extra_to_install(folder: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_THE_DAEMON, str(folder / "daemon.sock")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "mflux and uvloop" in done.stderr
    assert "kilnmark[" in done.stderr


@pytest.mark.parametrize("option", ["--lora-root", "--packs", "--variant", "--base"])
def test_a_folder_that_is_not_there_is_refused_before_anything_starts(folder: Path, option: str) -> None:
    done = run_here("serve", option, folder / "absent")
    assert done.returncode == 2
    assert option in done.stderr


def test_the_settings_are_the_document_and_every_path_in_it_is_absolute(folder: Path) -> None:
    """The socket's folder is open to others, so the daemon refuses it and nothing is left running."""
    (folder / "open").mkdir(mode=0o777)
    (folder / "open").chmod(0o777)
    command = [KILNMARK, "serve", "--socket", "open/s", "--output-dir", "out", "--json"]
    command += ["--queue-limit", "9", "--batch-delay", "2.5", "--picture-cache", "0", "--stack-cache", "1MiB"]
    env = os.environ | {"XDG_DATA_HOME": str(folder / "data")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=folder, env=env)
    assert done.returncode == 2
    assert done.stdout.endswith("}\n")
    document = json.loads(done.stdout)
    assert list(document) == list(Settings.model_fields)
    assert document == json.loads(Settings.model_validate_json(done.stdout).model_dump_json())
    assert {name: document[name] for name in ("bases", "base_memory", "quantize", "packs")} == dict.fromkeys(
        ("bases", "base_memory", "quantize", "packs")
    )
    assert document["socket"] == f"{folder}/open/s"
    assert document["output_dir"] == f"{folder}/out"
    assert document["lora_roots"] == [f"{folder}", f"{folder}/data/kilnmark/loras"]
    assert (document["variant"], document["queue_limit"], document["batch_delay"]) == ("standin", 9, 2.5)
    assert (document["cache_bytes"], document["adapter_cache_bytes"], document["stack_cache_bytes"]) == (
        0,
        2 << 30,
        1 << 20,
    )


def test_bases_are_named_with_their_absolute_places_and_the_first_may_be_one_of_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "mine").mkdir()
    monkeypatch.chdir(folder)
    words = ["--variant", "mine", "--base-memory", "24GB", "--base", "mine=mine", "--base", "schnell"]
    done = run_here("serve", "--only-settings", *words)
    settings = json.loads(done.stdout)
    assert settings["bases"] == {"mine": str(folder / "mine"), "schnell": "schnell"}
    assert (settings["variant"], settings["base_memory"]) == ("mine", 24 * 10**9)


@pytest.mark.slow
def test_files_named_like_modules_in_the_current_folder_are_not_run(folder: Path) -> None:
    trap = "raise SystemExit('a file of the current folder was run')\n"
    for name in ("uvloop.py", "mlx.py", "numpy.py", "queue.py"):
        (folder / name).write_text(trap)
    with serving(folder) as daemon, Client(daemon.socket) as client:
        assert client.warm_up().base.variant == "standin"
