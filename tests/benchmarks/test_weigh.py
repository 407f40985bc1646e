"""What it costs to weigh a stack of eight full adapters layer by layer, and to ask what survives a quantized base."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.proof.beside import Weighed, cancellations, weigh
from kilnmark.engine.proof.effect import Effect
from kilnmark.engine.proof.overlaps import Overlaps
from kilnmark.engine.proof.sketches import Sketches
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
NEW = f"a stack of {STACK} that never met, each measured alone"
KNOWN = f"a stack of {STACK}, its pairs known, at other scales"
AGAIN = f"a stack of {STACK}, weighed before"
EXACT = f"the {STACK * (STACK - 1) // 2} pairs of {STACK}, multiplied on every layer"
ALONE = "the sketch of one adapter"


def others_like(adapter: Adapter) -> list[Adapter]:
    """A stack of as many contents, each with matrices of its own."""
    return [
        replace(
            adapter,
            sha256=f"{place}",
            updates=tuple(
                replace(each, down=np.roll(each.down, place, axis=1), up=np.roll(each.up, 3 * place, axis=0))
                for each in pairs_of(adapter)
            ),
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


def effect_on(base: Base, members: Sequence[Member]) -> Effect:
    """As it is when each member was rendered alone."""
    family = family_of(base.variant)
    effect = Effect(base.slots, lambda target: group_title(target, base.variant, family))
    for member in members:
        effect.measure(member)
        effect.sketch(member.adapter)
    effect.layers(np.arange(len(base.slots)))
    return effect


def exact_pairs(effect: Effect, members: Sequence[Member]) -> None:
    """Every pair multiplied on every layer."""
    measured = [effect.measured(member.adapter) for member in members]
    places = np.sort(measured[0].places)
    cells = np.ones((len(places), len(measured), len(measured)), dtype=bool)
    Overlaps(effect.slots).of(measured, places, cells, wide=False)


def test_a_stack_is_weighed_layer_by_layer(standin: Base, members: list[Member]) -> None:
    fresh = effect_on(standin, members)
    effect, by = effect_on(standin, members), count(1)
    assert weighed(effect, members) == 0

    def forget() -> None:
        nonlocal fresh
        fresh = effect_on(standin, members)

    def at_other_scales() -> None:
        factor = 1 + next(by) / 1000
        weighed(effect, [Member(member.adapter, factor * member.scale) for member in members])

    actions = {
        NEW: Action(lambda: weighed(fresh, members), before=forget),
        KNOWN: Action(at_other_scales),
        AGAIN: Action(lambda: weighed(effect, members)),
        EXACT: Action(lambda: exact_pairs(effect, members)),
        ALONE: Action(lambda: Sketches(effect.slots).of(effect.measured(members[0].adapter))),
    }
    series = interleaved(actions, seconds=40, least=3, most=9)
    for what, times in series.items():
        tell(Figure(part=PART, base="standin", what=what, who="kilnmark", value=times.median, rounds=times.rounds))
    tell(Headline(name="weigh_8_ms", value=series[NEW].median))


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
