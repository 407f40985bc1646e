"""`kilnmark pack` in this process: what it leaves, what it says, how it ends."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from kilnmark.client.cli.main import _run
from kilnmark.client.cli.views.pack import show_pack
from kilnmark.client.pack_files import PackFolder
from kilnmark.client.packs.inherited import shown_pack
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.exits import ExitCode
from tests.client.batch.packs import make_packs


def pack(*arguments: object) -> int:
    words = ["pack", *map(str, arguments)]
    return _run(words, as_json="--json" in words)


def test_what_is_begun_is_listed_with_the_commands_to_go_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my packs"
    assert pack("init", folder, "--genre", "ink", "--world", "mire", "--json") == ExitCode.DONE
    begun = json.loads(capsys.readouterr().out)
    assert begun["folder"] == str(folder)
    assert all((folder / document).is_file() for document in begun["documents"])
    assert f"kilnmark batch poi --packs '{folder}' --dry-run" in begun["next"]
    assert pack("init", folder, "--genre", "ash") == ExitCode.DONE
    assert f"{folder}/ash/worlds/my_world/history.yaml\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--genre", "../up"], "makes no good folder"),
        (["--world", ".hidden"], "makes no good folder"),
        (["--variant", "minni"], "did you mean 'mini'?"),
        (["--genre", "there"], "is there already; give another name"),
    ],
)
def test_what_cannot_be_begun_says_why(
    tmp_path: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "there").mkdir()
    assert pack("init", tmp_path, *arguments) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert words in " ".join(told.split())
    assert arguments[0] in told
    assert [each.name for each in tmp_path.iterdir()] == ["there"]


def test_schemas_are_put_beside_packs_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pack("schemas", tmp_path) == ExitCode.DONE
    assert "genre.schema.json, world.schema.json" in capsys.readouterr().out
    assert pack("schemas", tmp_path) == ExitCode.DONE
    assert capsys.readouterr().out == f"{tmp_path}: all schemas were there already\n"


def test_a_document_without_its_line_is_listed_with_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack("init", tmp_path, "--genre", "ink", "--world", "mire")
    history = tmp_path / "ink/worlds/mire/history.yaml"
    history.write_text("chapters: []\n")
    capsys.readouterr()
    assert pack("schemas", tmp_path) == ExitCode.DONE
    line = "# yaml-language-server: $schema=../../../history.schema.json"
    assert f"{history} wants as its first line: {line}\n" in capsys.readouterr().out
    assert history.read_text() == "chapters: []\n"
    assert pack("schemas", tmp_path, "--json") == ExitCode.DONE
    [unnamed] = json.loads(capsys.readouterr().out)["unnamed"]
    assert unnamed == {"document": "ink/worlds/mire/history.yaml", "line": line}


def test_what_a_world_inherits_is_shown_on_a_terminal_of_80_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack("init", tmp_path, "--genre", "ink", "--world", "mire")
    capsys.readouterr()
    assert pack("show", "ink", "mire", "--packs", tmp_path) == ExitCode.DONE
    told = capsys.readouterr().out
    assert "ink/worlds/mire/visual_style.yaml:7" in told
    narrow = io.StringIO()
    show_pack(Console(file=narrow, width=80), shown_pack(PackFolder(tmp_path), "ink", "mire"))
    lines = narrow.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert any("genre visual_style.yaml:" in line for line in lines)
    assert pack("show", "ink", "mire", "--packs", tmp_path, "--json") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["worlds"] == ["mire"]


def test_a_genre_with_problems_is_shown_and_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack("init", tmp_path, "--genre", "ink", "--world", "mire")
    (tmp_path / "ink" / "tiers.yaml").write_text("scene: {steps: none}\n")
    assert pack("show", "ink", "--packs", tmp_path) == ExitCode.FAILED
    assert "problem: ink/tiers.yaml:1: scene.steps: must be" in capsys.readouterr().out
    assert pack("show", "inkk", "--packs", tmp_path) == ExitCode.USAGE
    assert "did you mean 'ink'?" in capsys.readouterr().err


def test_a_check_ends_as_a_batch_would_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packs = make_packs(tmp_path, base_seed=1)
    assert pack("check", tmp_path, "--strict") == ExitCode.DONE
    assert "3 places; 2 adapters, none of them dead; 0 problems" in capsys.readouterr().out.replace(
        "of places", "places"
    )
    packs.write("worlds/fen/history.yaml", "chapters: 3\n")
    assert pack("check", tmp_path) == ExitCode.FAILED
    assert "problem: ash/worlds/fen/history.yaml:1: " in capsys.readouterr().out
    make_adapter(packs.ink, blocks=1, rank=1, dead=True)
    assert pack("check", tmp_path, "--json") == ExitCode.NOT_ENGAGED
    document = json.loads(capsys.readouterr().out)
    assert [each["asked"][0]["line"] for each in document["adapters"] if each["asked"]] == [4]
    assert [problem["file"] for problem in document["problems"]] == ["ash/worlds/fen/history.yaml"]


def test_a_warning_counts_where_it_is_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packs = make_packs(tmp_path, base_seed=1)
    packs.write("visual_style.yaml", "negative_prompt: people\n")
    packs.write("worlds/fen/visual_style.yaml", "positive_suffix: fog\n")
    assert pack("check", tmp_path) == ExitCode.DONE
    assert "warning: ash/visual_style.yaml:1: negative_prompt: " in capsys.readouterr().out
    assert pack("check", tmp_path, "--strict") == ExitCode.FAILED
