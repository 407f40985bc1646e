"""Modules joined from pieces: which exist, and in what order their rows stand."""

import numpy as np
import pytest

from kilnmark.keymaps.names.keymap import load_keymaps
from kilnmark.keymaps.names.schema import Role, Rows
from kilnmark.keymaps.names.shapes import load_shapes, painters
from kilnmark.keymaps.remap.bits import Stored
from kilnmark.keymaps.remap.goal import GOALS, parse_reader
from kilnmark.keymaps.remap.modules import Place, join, places
from kilnmark.keymaps.remap.pieces import Piece, Whole


@pytest.mark.parametrize("variant", painters())
@pytest.mark.parametrize("to", GOALS)
def test_every_target_has_one_place_at_most_and_every_place_its_own_name(to: str, variant: str) -> None:
    room = tuple(places(load_keymaps()[to], load_shapes(variant), None))
    targets = [target for place in room for target in place.rows.targets]
    assert len(set(targets)) == len(targets)
    assert len({place.name for place in room}) == len(room)
    assert load_shapes(variant).keys() >= set(targets)


@pytest.mark.parametrize(
    ("to", "reader", "count", "targets"),
    [
        ("kohya", None, 704, 894),
        ("kohya", "mflux==0.24.0", 304, 494),
        ("mlx-examples", None, 304, 494),
        ("diffusers", None, 896, 896),
    ],
)
def test_a_convention_has_its_modules_of_flux1(to: str, reader: str | None, count: int, targets: int) -> None:
    room = tuple(places(load_keymaps()[to], load_shapes("dev"), parse_reader(reader) if reader else None))
    assert (len(room), sum(len(place.rows.targets) for place in room)) == (count, targets)


def test_rows_are_written_in_the_order_that_the_module_has() -> None:
    up = Stored("F32", np.arange(6144, dtype="<u4").reshape(6144, 1))
    tensors: dict[str, Stored] = {Role.DOWN: Stored("F32", np.zeros((1, 3072), "<u4")), Role.UP: up}
    whole = Whole(("norm_out.linear",), tensors)
    piece = Piece("norm_out.linear", "lora", tensors, 1.0, has_alpha=False, path="a.safetensors", key="up", whole=whole)
    place = Place("final", Rows(targets=("norm_out.linear",), swap_halves=True))
    joined = join(place, {piece.target: piece}, load_shapes("dev"), takes_alpha=True, reader=None)
    assert joined is not None
    assert joined.tensors[Role.UP].bits[:, 0].tolist() == [*range(3072, 6144), *range(3072)]
    assert join(place, {}, load_shapes("dev"), takes_alpha=True, reader=None) is None


def test_layers_that_the_file_has_together_stay_together() -> None:
    qkv = tuple(f"layers.3.attention.to_{letter}" for letter in "qkv")
    room = places(load_keymaps()["kohya"], load_shapes("z-image-turbo"), None, {qkv})
    together = [place.name for place in room if place.rows.targets == qkv]
    assert together == ["lora_unet_layers_3_attention_qkv"]
    assert [place.name for place in room if "layers.4.attention.to_q" in place.rows.targets] == [
        "lora_unet_layers_4_attention_to_q"
    ]
