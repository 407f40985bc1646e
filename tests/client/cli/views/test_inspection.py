"""What people are told of a rank, its size for a pair and its bound for a product of products; and of unknown names."""

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from kilnmark.client.cli.views.inspection import show_inspection
from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import write_tensors
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


def test_unknown_names_are_shown_beside_what_they_would_be(tmp_path: Path) -> None:
    tensors = {
        f"lora_unet_double_blocks_{n}_img_attn_qkv_x.lora_{half}.weight": np.ones(shape, np.float32)
        for n in range(2)
        for half, shape in (("down", (1, 3072)), ("up", (9216, 1)))
    }
    inspected = inspect_file(str(write_tensors(tmp_path / "a.safetensors", tensors)), load_shapes("dev"))
    stream = io.StringIO()
    show_inspection(Console(file=stream, width=10_000), inspected, "dev", with_targets=False)
    shown = [line.split(maxsplit=1) for line in stream.getvalue().splitlines()]
    assert ["nearest", "kohya, which says lora_unet_<layer>.lora_down.weight; your names"] in shown
    assert ["have", "'_x' between the layer and the suffix (4 keys)"] in shown
    name = "lora_unet_double_blocks_0_img_attn_qkv"
    assert [f"'{name}_x.lora_down.weight'", f"is '{name}.lora_down.weight' there"] in shown
