"""Names in groups are the same names, whatever they are; and groups that do not go together are refused."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.keymaps.filereport.document import TensorGroup, UnusableReport
from kilnmark.keymaps.filereport.grouping import named_groups, names_of

PIECES = st.sampled_from(["blocks.", ".attn", "0", "7", "12", "007", "99999999999", "#", "_", "é", "٣", ""])
NAMES = st.lists(st.lists(PIECES, max_size=6).map("".join), unique=True, max_size=30)


def groups_of(names: Sequence[str]) -> list[TensorGroup]:
    found = named_groups(names, dict.fromkeys(names))
    return [
        TensorGroup(name=group.pattern, numbers=group.numbers, places=group.places, dtype="F32", shape=(), taken="")
        for group in found
    ]


@given(NAMES)
def test_names_come_back_as_they_were(names: list[str]) -> None:
    assert names_of(groups_of(names)) == names


def test_a_number_that_all_have_stays_in_the_name() -> None:
    [group] = groups_of([f"blocks.{n}.net.2.proj" for n in range(3)])
    assert (group.name, group.numbers, group.places) == ("blocks.#.net.2.proj", ((0,), (1,), (2,)), (0, 1, 2))


BLOCKS = groups_of(["a.0", "a.1"])[0]


@pytest.mark.parametrize(
    "groups",
    [
        [msgspec.structs.replace(BLOCKS, numbers=((0, 1), (1, 1)))],
        [msgspec.structs.replace(BLOCKS, numbers=((0,),))],
        [msgspec.structs.replace(BLOCKS, places=(0, 2))],
        [msgspec.structs.replace(BLOCKS, places=(0, 0))],
        [msgspec.structs.replace(BLOCKS, places=())],
        [msgspec.structs.replace(BLOCKS, numbers=((0,), (0,)))],
        [msgspec.structs.replace(BLOCKS, norms=(1.0,))],
        [BLOCKS, BLOCKS],
    ],
)
def test_parts_that_do_not_go_together_are_refused(groups: list[TensorGroup]) -> None:
    with pytest.raises(UnusableReport, match=r"\$\.tensors"):
        names_of(groups)
