"""What it costs to weigh a stack of eight full adapters layer by layer, and to ask what survives a quantized base."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.proof.beside import Weighed, cancellations, weigh
from kilnmark.engine.proof.effect import Effect
from kilnmark.engine.proof.overlaps import Overlaps
from kilnmark.engine.proof.survival import quantized_survival
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.adapter import Adapter
from kilnmark.protocol.picture.catalog import family_of
from kilnmark.protocol.picture.groups import group_title
from tests.benchmarks import ours
from tests.benchmarks.clock import Action, interleaved
from tests.benchmarks.figures import Figure, Headline, tell
from tests.benchmarks.files import AdapterFiles
from tests.pairs import pairs_of

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

PART, RANK, STACK = "weigh", 16, 8
KNOWN = f"a stack of {STACK}, its products known"
NEW = f"the products of {STACK} adapters, their norms known"


def others_like(adapter: Adapter) -> list[Adapter]:
    """A stack of as many contents, each with down matrices of its own; up matrices are shared for the memory's sake."""
    return [
        replace(
            adapter,
            sha256=f"{place}",
            updates=tuple(replace(each, down=np.roll(each.down, place, axis=1)) for each in pairs_of(adapter)),
        )
        for place in range(STACK)
    ]


def weighed(effect: Effect, members: Sequence[Member]) -> int:
    """All that the judge asks of a stack; how many of it are undone somewhere."""
    stack = [Weighed(member.adapter.sha256, member.adapter.name, member.scale) for member in members]
    layers = effect.products(members)
    assert cancellations(stack, layers.total) == [None] * len(stack)
    found = weigh(stack, effect.layers(layers.places), layers.products)
    return sum(each.undone.count > 0 for each in found)


@pytest.fixture(scope="module")
def standin() -> Base:
    return load_base("standin", None)


@pytest.fixture(scope="module")
def members(standin: Base, files: AdapterFiles) -> list[Member]:
    (path,) = files.get(standin.shapes, RANK, 1)
    stack = others_like(ours.read(standin, path))
    return [Member(adapter, 0.4 + 0.1 * place) for place, adapter in enumerate(stack)]


def test_a_stack_is_weighed_layer_by_layer(standin: Base, members: list[Member]) -> None:
    family = family_of(standin.variant)
    effect = Effect(standin.slots, lambda target: group_title(target, standin.variant, family))
    measured = [effect.measured(member.adapter) for member in members]
    assert weighed(effect, members) == 0
    actions = {
        KNOWN: Action(lambda: weighed(effect, members)),
        NEW: Action(lambda: Overlaps(standin.slots).of(measured)),
    }
    series = interleaved(actions, seconds=20, least=3, most=9)
    for what, times in series.items():
        tell(Figure(part=PART, base="standin", what=what, who="kilnmark", value=times.median, rounds=times.rounds))
    tell(Headline(name="weigh_8_ms", value=series[KNOWN].median))


@pytest.mark.parametrize("bits", [8, 4])
def test_what_survives_a_quantized_base_is_asked_at_once(directory: Path, files: AdapterFiles, bits: int) -> None:
    base = load_base(str(directory), bits)
    (path,) = files.get(base.shapes, RANK, 1)
    member = Member(ours.read(base, path), 1.0)
    norms = [update.norm for update in pairs_of(member.adapter)]
    series = interleaved(
        {"survival": Action(lambda: quantized_survival(member, norms, base.slots))}, seconds=10, least=5, most=15
    )["survival"]
    what = "what survives its rounding, of one adapter"
    tell(Figure(part=PART, base=f"q{bits}", what=what, who="kilnmark", value=series.median, rounds=series.rounds))
    if bits == 4:
        tell(Headline(name="survival_ms", value=series.median))
