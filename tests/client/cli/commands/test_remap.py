"""`lora remap` as a process: the document, the exit codes, and that a failure leaves everything as it was."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kilnmark.client.cli.commands.remap import RemapDocument
from kilnmark.keymaps.remap.convert import Remapped
from kilnmark.keymaps.zoo.write import make_adapter, write_tensors
from tests.client.here import run_here

WATCHED = """
import sys
from kilnmark.client.cli.main import _run

code = _run(sys.argv[1:], as_json=True)
heavy = {"mlx", "mflux", "uvloop", "torch", "opentelemetry.sdk", "kilnmark.daemon", "kilnmark.engine"}
print(code, sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


def remap(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command where no daemon is."""
    return run_here("lora", "remap", *arguments, env={"KILNMARK_SOCKET": "/nowhere/daemon.sock"})


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.stdout.count("\n") == 1
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def error_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found = document(done)
    assert set(found) == {"error"}
    error: dict[str, Any] = found["error"]
    assert error["message"] in " ".join(done.stderr.split())
    return error


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shelf") / "healthy.safetensors"
    return make_adapter(path, "kohya", rank=2, blocks=1, alpha=1.0)


@pytest.fixture
def unknown(tmp_path: Path) -> Path:
    return make_adapter(tmp_path / "unknown.safetensors", "unknown", rank=2, blocks=1)


def test_a_conversion_is_one_document_and_exit_code_0(healthy: Path, tmp_path: Path) -> None:
    goal = tmp_path / "out.safetensors"
    done = remap(healthy, goal, "--to", "diffusers", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = document(done)
    assert set(found) == set(RemapDocument.__struct_fields__)
    assert (found["source"], found["path"]) == (str(healthy), str(goal))
    assert (found["source_convention"], found["convention"], found["variant"]) == ("kohya", "diffusers", "dev")
    assert (found["total_key_count"], found["target_count"], found["reader"]) == (60, 20, "")
    assert found["notes"] == ["the shared down matrices of 3 modules are written once a layer"]
    inspected = run_here("lora", "inspect", goal)
    assert (inspected.returncode, "20 of 20 layers" in inspected.stdout) == (0, True)


def test_the_document_has_every_field_of_the_result() -> None:
    assert tuple(Remapped.__dataclass_fields__) == RemapDocument.__struct_fields__


def test_people_get_the_path_first_and_every_note(healthy: Path, tmp_path: Path) -> None:
    goal = tmp_path / "out.safetensors"
    done = remap(healthy, goal, "--to", "mlx-examples")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    first, *others = done.stdout.splitlines()
    assert first == str(goal)
    assert others[0] == "  26 keys, 20 layers of dev, in mlx-examples, version 1 of the keymap"
    assert others[2:] == ["  note: alpha / rank is folded into the up matrices of 13 modules, exactly"]


def test_a_reader_is_named_in_the_document(healthy: Path, tmp_path: Path) -> None:
    done = remap(healthy, tmp_path / "out.safetensors", "--to", "kohya", "--for", "mflux==0.15.0", "--json")
    assert (done.returncode, document(done)["reader"]) == (0, "mflux==0.15.0")


def test_a_refused_file_ends_with_3_and_leaves_nothing(unknown: Path, tmp_path: Path) -> None:
    done = remap(unknown, tmp_path / "out.safetensors", "--to", "kohya", "--json")
    error = error_of(done)
    assert (done.returncode, error["kind"]) == (3, "adapter_refused")
    assert "'velvet.0000.matrix'" in error["message"]
    assert list(tmp_path.iterdir()) == [unknown]


def test_a_missing_file_ends_with_3(tmp_path: Path) -> None:
    done = remap(tmp_path / "absent.safetensors", tmp_path / "out.safetensors", "--to", "kohya", "--json")
    assert (done.returncode, error_of(done)["kind"]) == (3, "adapter_refused")


def test_what_the_convention_cannot_carry_is_named_and_ends_with_3(tmp_path: Path) -> None:
    tensors = {
        "transformer.x_embedder.lora_A.weight": np.ones((1, 64), np.float32),
        "transformer.x_embedder.lora_B.weight": np.ones((3072, 1), np.float32),
    }
    source = write_tensors(tmp_path / "a.safetensors", tensors)
    done = remap(source, tmp_path / "out.safetensors", "--to", "mlx-examples", "--json")
    assert (done.returncode, "transformer.x_embedder" in error_of(done)["message"]) == (3, True)
    assert list(tmp_path.iterdir()) == [source]


def test_a_file_that_is_there_ends_with_2_and_stays_unless_forced(healthy: Path, unknown: Path) -> None:
    before = unknown.read_bytes()
    done = remap(healthy, unknown, "--to", "kohya", "--json")
    error = document(done)["error"]
    assert (done.returncode, error["kind"], "--force" in error["message"]) == (2, "usage", True)
    assert unknown.read_bytes() == before
    assert remap(healthy, unknown, "--to", "kohya", "--force").returncode == 0
    assert unknown.read_bytes() != before


def test_a_refused_file_never_replaces_what_is_there(healthy: Path, unknown: Path) -> None:
    before = healthy.read_bytes()
    assert remap(unknown, healthy, "--to", "kohya", "--force").returncode == 3
    assert healthy.read_bytes() == before


def test_a_file_is_never_converted_onto_itself(healthy: Path) -> None:
    before = healthy.read_bytes()
    done = remap(healthy, healthy, "--to", "diffusers", "--force", "--json")
    assert (done.returncode, document(done)["error"]["kind"]) == (2, "usage")
    assert healthy.read_bytes() == before


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--to", "xlabs"),
        ("--to", "kohya", "--for", "mflux"),
        ("--to", "kohya", "--for", "mflux==0.2.0"),
        ("--to", "diffusers", "--for", "mflux==0.24.0"),
    ],
)
def test_a_wrong_word_ends_with_2(healthy: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    done = remap(healthy, tmp_path / "out.safetensors", *options, "--json")
    assert (done.returncode, document(done)["error"]["kind"]) == (2, "usage")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_ends_with_1(healthy: Path, tmp_path: Path) -> None:
    done = remap(healthy, tmp_path / f"{'long' * 80}.safetensors", "--to", "kohya", "--json")
    assert (done.returncode, error_of(done)["kind"]) == (1, "not_written")
    assert list(tmp_path.iterdir()) == []


def test_names_that_are_no_text_are_spelt_out(healthy: Path, tmp_path: Path) -> None:
    goal = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b.safetensors")
    done = remap(healthy, goal, "--to", "kohya", "--json")
    assert (done.returncode, document(done)["path"]) == (0, f"{tmp_path}/\\udcff\x1b.safetensors")
    assert "\x1b" not in remap(healthy, goal, "--to", "kohya", "--force").stdout


def test_nothing_heavy_is_imported(healthy: Path, tmp_path: Path) -> None:
    goal = str(tmp_path / "out.safetensors")
    command = [sys.executable, "-c", WATCHED, "lora", "remap", "--json", str(healthy), goal, "--to", "kohya"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == "0 []\n"


def test_help_says_what_every_option_is() -> None:
    done = remap("--help")
    assert done.returncode == 0
    for option in ("--to", "--for", "--force", "--json"):
        assert option in done.stdout
