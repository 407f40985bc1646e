"""What people are told of a rank: its size for a pair, its bound for a product of products."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from kilnmark.client.cli.views.inspection import show_inspection
from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit

BY_NAME = {exhibit.name: exhibit for exhibit in EXHIBITS}


def kind_line(folder: Path, name: str) -> str:
    """Of the block that is printed for an exhibit of rank 2."""
    path = write_exhibit(folder / "a.safetensors", BY_NAME[name], rank=2, blocks=1)
    stream = io.StringIO()
    shown = inspect_file(str(path), load_shapes("dev"))
    show_inspection(Console(file=stream, width=10_000), shown, "dev", with_targets=False)
    [line] = [line for line in stream.getvalue().splitlines() if line.startswith("  kind")]
    return line.removeprefix("  kind").strip()


@pytest.mark.parametrize(("name", "kind"), [("kohya", "lora"), ("kohya-dora", "dora")])
def test_a_pair_has_the_rank_it_was_trained_at(tmp_path: Path, name: str, kind: str) -> None:
    assert kind_line(tmp_path, name) == f"{kind}, rank 2"


def test_a_loha_of_rank_2_and_2_has_rank_4_at_most(tmp_path: Path) -> None:
    assert kind_line(tmp_path, "kohya-loha-bfl") == "loha, rank 4 at most"


def test_a_lokr_has_the_rank_of_the_whole_product_at_most(tmp_path: Path) -> None:
    assert kind_line(tmp_path, "simpletuner-lokr-lowrank") == "lokr, rank 96 at most"
    assert kind_line(tmp_path, "kohya-lokr-bfl").startswith("lokr, ranks at most ")
