"""Which of two modules is kept where both name a layer."""

import pytest

from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.names.copies import Module, part_copies
from kilnmark.keymaps.names.keymap import load_keymaps
from kilnmark.keymaps.names.schema import Rows


def module(name: str, *targets: str, convention: str = "kohya", roles: tuple[str, ...] = ("down", "up")) -> Module:
    keys = {role: f"{name}.{role}" for role in roles}
    return Module(load_keymaps()[convention].convention, "transformer", name, Rows(targets=targets), keys)


def test_one_that_covers_others_takes_their_place_and_the_split_ones_are_kept_where_they_are_whole() -> None:
    fused, q, k = module("qkv", "q", "k"), module("q", "q"), module("k", "k")
    assert part_copies("a", ["kohya"], [fused, q, k]).kept == (q, k)
    parted = part_copies("a", ["kohya"], [fused, q])
    assert parted.kept == (fused,)
    assert [(copy.module, copy.kept) for copy in parted.copies] == [(q, (fused,))]


def test_modules_of_which_each_has_a_layer_of_its_own_are_refused() -> None:
    with pytest.raises(UnfitAdapter, match=r"key 'kv.down': changes k, which 'qk.down' changes too.*keep one"):
        part_copies("a", ["kohya"], [module("qk", "q", "k"), module("kv", "k", "v")])


def test_a_lone_alpha_is_a_stray_and_no_copy() -> None:
    alone = module("x", "q", roles=("alpha",))
    parted = part_copies("a", ["kohya"], [alone, module("q", "q")])
    assert parted.strays == (alone,)
    assert not parted.copies
