"""`lora inspect` as a process: the document, the exit codes, folders, and files made to do harm."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kilnmark.client.cli.painter import PainterOption
from kilnmark.keymaps.names.shapes import painters
from kilnmark.keymaps.zoo.write import make_adapter, write_tensors
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.wire.inspection import Inspection
from tests.client.here import run_here

FIELDS = set(Inspection.__struct_fields__)
WATCHED = """
import sys

opened = []
sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" else None)
from kilnmark.client.cli.main import _run

code = _run(sys.argv[2:], as_json=True)
heavy = {"mlx", "mflux", "uvloop", "torch", "opentelemetry.sdk", "kilnmark.daemon", "kilnmark.engine"}
print(code, opened.count(sys.argv[1]), sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


def inspect(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command where no daemon is."""
    return run_here("lora", "inspect", *arguments, env={"KILNMARK_SOCKET": "/nowhere/daemon.sock"})


def files_in(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert (done.stdout.count("\n"), done.stderr) == (1, "")
    document = json.loads(done.stdout)
    assert set(document) == {"files"}
    files: list[dict[str, Any]] = document["files"]
    for file in files:
        assert set(file) == FIELDS
    return files


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a healthy, a dead and an unknown file, a web page, a pipe, and something else."""
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "deep").mkdir()
    make_adapter(folder / "healthy.safetensors", rank=2, blocks=1)
    make_adapter(folder / "dead.safetensors", "kohya", rank=2, blocks=1, dead=True)
    make_adapter(folder / "deep" / "unknown.safetensors", "unknown", rank=2, blocks=1)
    (folder / "deep" / "page.safetensors").write_text("<html>log in</html>")
    (folder / "notes.txt").write_text("not an adapter")
    os.mkfifo(folder / "pipe.safetensors")
    return folder


def test_a_healthy_file_is_one_document_and_exit_code_0(shelf: Path) -> None:
    done = inspect(shelf / "healthy.safetensors", "--json")
    [file] = files_in(done)
    assert done.returncode == 0
    assert (file["path"], file["verdict"], file["convention"]) == (
        str(shelf / "healthy.safetensors"),
        "engaged",
        "diffusers",
    )
    assert (file["ignored_keys"], file["unmatched_keys"]) == ({}, {"count": 0, "first": []})
    assert file["metadata"]["entries"] == {"format": "pt", "kilnmark": "random weights, not trained"}
    assert len(file["targets"]) == 20
    assert set(file["targets"][0]) == {"path", "shape", "norm", "rms"}
    assert file["targets"][0]["shape"] == [3072, 3072]


def test_a_file_at_full_size_is_read_whole(tmp_path: Path) -> None:
    done = inspect(make_adapter(tmp_path / "full.safetensors", rank=1, dtype="BF16"), "--json")
    [file] = files_in(done)
    assert (done.returncode, file["matched_key_count"], file["applied_target_count"]) == (0, 988, 494)
    assert len({target["path"] for target in file["targets"]}) == 494


def test_a_folder_with_bad_files_ends_with_3_and_has_each_in_order(shelf: Path) -> None:
    done = inspect(shelf, "--json")
    assert done.returncode == 3
    assert [(Path(file["path"]).name, file["verdict"]) for file in files_in(done)] == [
        ("dead.safetensors", "noop"),
        ("page.safetensors", "refused"),
        ("unknown.safetensors", "noop"),
        ("healthy.safetensors", "engaged"),
        ("pipe.safetensors", "refused"),
    ]


def test_a_refused_file_is_a_document_with_the_reason(shelf: Path) -> None:
    done = inspect(shelf / "deep" / "page.safetensors", "--json")
    [file] = files_in(done)
    assert (done.returncode, file["verdict"], file["targets"]) == (3, "refused", [])
    assert "web page" in file["reason"]


def test_a_missing_file_is_refused_and_the_others_are_told(shelf: Path) -> None:
    done = inspect(shelf / "absent.safetensors", shelf / "healthy.safetensors", "--json")
    assert (done.returncode, [file["verdict"] for file in files_in(done)]) == (3, ["refused", "engaged"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "rows", "columns", "made_for"),
    [
        ("single_transformer_blocks.0.proj_mlp", 12288, 3072, ["dev", "schnell"]),
        pytest.param(
            "single_transformer_blocks.0.attn.to_qkv_mlp_proj", 27648, 3072, ["flux2-klein-4b"], marks=pytest.mark.slow
        ),
        pytest.param("layers.0.attention.to_q", 3840, 3840, ["z-image-turbo"], marks=pytest.mark.slow),
    ],
)
def test_a_file_engages_in_the_variants_it_was_made_for(
    tmp_path: Path, module: str, rows: int, columns: int, made_for: list[str]
) -> None:
    tensors = {
        f"transformer.{module}.lora_A.weight": np.ones((2, columns), np.float32),
        f"transformer.{module}.lora_B.weight": np.ones((rows, 2), np.float32),
    }
    path = write_tensors(tmp_path / "a.safetensors", tensors)
    codes = {variant: inspect(path, "--variant", variant).returncode for variant in painters()}
    assert codes == {variant: 0 if variant in made_for else 3 for variant in painters()}


def test_every_variant_can_be_named_that_a_daemon_serves(shelf: Path) -> None:
    assert [PainterOption().convert(variant, None, None) for variant in VARIANTS] == list(VARIANTS)
    for variant, code in {"krea-dev": 0, "standin:flux2-klein-4b": 3}.items():
        assert inspect(shelf / "healthy.safetensors", "--variant", variant).returncode == code


def test_a_file_named_twice_is_inspected_once(shelf: Path) -> None:
    done = inspect(shelf / "deep", shelf / "deep" / "page.safetensors", "--json")
    assert [Path(file["path"]).stem for file in files_in(done)] == ["page", "unknown"]


@pytest.mark.parametrize("arguments", [(), ("--variant", "moon", "x.safetensors"), ("--scale", "2", "x.safetensors")])
def test_a_wrong_word_ends_with_2(arguments: tuple[str, ...]) -> None:
    done = inspect(*arguments, "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["kind"]) == (2, "usage")


def test_a_folder_without_adapters_ends_with_2_and_is_named(tmp_path: Path) -> None:
    done = inspect(tmp_path, "--json")
    assert done.returncode == 2
    assert str(tmp_path) in json.loads(done.stdout)["error"]["message"]


def test_people_get_a_block_a_file_and_one_line_for_all(shelf: Path) -> None:
    done = inspect(shelf)
    assert (done.returncode, done.stderr) == (3, "")
    assert "\x1b" not in done.stdout
    blocks = done.stdout.split("\n\n")
    count, *unwell = blocks[-1].splitlines()
    assert count == "5 files, held to dev (--variant): 1 engaged, 2 noop, 2 refused"
    assert [line.split()[0] for line in unwell] == ["noop", "noop", "refused", "refused"]
    assert unwell[0].split()[1] == str(shelf / "dead.safetensors")
    assert [block.splitlines()[0] for block in blocks[:-1]] == [
        str(shelf / name)
        for name in (
            "dead.safetensors",
            "deep/page.safetensors",
            "deep/unknown.safetensors",
            "healthy.safetensors",
            "pipe.safetensors",
        )
    ]
    healthy = blocks[3].split()
    assert healthy[healthy.index("verdict") + 1] == "engaged"
    assert "diffusers, which explains all 40 keys" in blocks[3]
    assert "20 of 20 layers of dev changed" in blocks[3]


def test_one_file_needs_no_line_for_all(shelf: Path) -> None:
    assert "files:" not in inspect(shelf / "healthy.safetensors").stdout


def test_targets_are_listed_for_people_when_asked(shelf: Path) -> None:
    target = "transformer_blocks.0.attn.to_q"
    rows = [line.split() for line in inspect(shelf / "healthy.safetensors", "--targets").stdout.splitlines()]
    assert [row[1:3] for row in rows if row[:1] == [target]] == [["3072", "3072"]]
    assert target not in inspect(shelf / "healthy.safetensors").stdout


def test_what_a_file_says_reaches_the_terminal_without_its_control_characters(tmp_path: Path) -> None:
    tensors = {"\x1b[2J\x07name": np.ones((2, 2), np.float32)}
    metadata = {"modelspec.title": "\x1b]0;owned\x07\u202e", "ss_tag_frequency": '{"1_a\\u001b": {"a\\u001b": 1}}'}
    done = inspect(write_tensors(tmp_path / "\x1b[31ma.safetensors", tensors, metadata=metadata))
    assert done.returncode == 3
    assert {character for character in done.stdout if not character.isprintable()} == {"\n"}
    assert "\\x1b]0;owned\\x07\\u202e" in done.stdout


@pytest.mark.timeout(20)
@pytest.mark.slow
def test_the_most_keys_a_file_may_have_flood_nothing(tmp_path: Path) -> None:
    number = np.ones((), np.float32)
    tensors = {f"{'long' * 50}.{place}": number for place in range(5_000)}
    path = write_tensors(tmp_path / "many.safetensors", tensors, metadata={f"m{n}": "x" * 50 for n in range(2_000)})
    done = inspect(path)
    assert done.returncode == 3
    assert "5000 unknown" in done.stdout
    assert len(done.stdout) < 8_000
    document = inspect(path, "--json")
    assert files_in(document)[0]["unmatched_keys"]["count"] == 5_000
    assert len(document.stdout) < 30_000


def test_a_file_is_opened_once_and_nothing_heavy_is_imported(shelf: Path) -> None:
    path = str(shelf / "healthy.safetensors")
    command = [sys.executable, "-c", WATCHED, path, "lora", "inspect", "--json", path]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.split(maxsplit=2) == ["0", "1", "[]\n"]


def test_help_says_what_every_option_is() -> None:
    done = inspect("--help")
    assert done.returncode == 0
    for option in ("--variant", "--targets", "--json"):
        assert option in done.stdout
