"""What a denoise step costs with a stack on the base: ours, mflux's unbaked layers, and its baked weights."""

import functools
from typing import NamedTuple

import mlx.core as mx
import numpy as np
import pytest

from kilnmark.engine.families.base import Base
from tests.benchmarks import mflux_rival, ours
from tests.benchmarks.clock import Action, Series, interleaved
from tests.benchmarks.figures import Figure, Headline, Missing, tell
from tests.benchmarks.files import AdapterFiles
from tests.benchmarks.ours import Layers
from tests.benchmarks.step import OneStep

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

PART = "step"
COUNTS = (1, 2, 4, 8)
SCALE = 0.5
NOTHING = "nobody 0"
OURS, UNBAKED, BAKED = "kilnmark", "mflux, unbaked layers", "mflux, baked weights"
BAKED_RANK = HEADLINE_RANK = 16
"""Baked once only: the step of a dense layer costs the same whatever was baked into it."""
STANDIN_BLOCKS = {16: None, 64: 3}
"""Up to eight adapters of rank 64 on all of the standin's blocks would be 32 GB, theirs and ours."""


class Variant(NamedTuple):
    """What hangs on the base during a step."""

    who: str
    adapters: int
    layers: Layers


def variants(base: Base, base_name: str, files: AdapterFiles, rank: int) -> list[Variant]:
    blocks = STANDIN_BLOCKS[rank] if base_name == "standin" else None
    paths = files.get(base.shapes, rank, max(COUNTS), blocks=blocks)
    adapters = [ours.read(base, path) for path in paths]
    made = [Variant("nobody", 0, {})]
    made += [Variant(OURS, count, ours.layers_of(base, adapters[:count], SCALE)) for count in COUNTS]
    theirs = mflux_rival.unbaked_layers(base, adapters, SCALE)
    made += [Variant(UNBAKED, count, theirs[count]) for count in COUNTS]
    if base_name == "directory" and rank == BAKED_RANK:
        made.append(Variant(BAKED, 1, mflux_rival.baked_layers(base, paths[:1], SCALE)))
        mx.eval([layer.parameters() for layer in made[-1].layers.values()])
    return made


@pytest.mark.parametrize("rank", [16, 64])
def test_the_cost_of_a_step(base: Base, base_name: str, files: AdapterFiles, rank: int) -> None:
    compared = variants(base, base_name, files, rank)
    step = OneStep(base)
    try:
        check(base, step, compared)
        actions = {
            f"{it.who} {it.adapters}": Action(step, functools.partial(ours.hang, base, it.layers)) for it in compared
        }
        series = interleaved(actions, seconds=25, least=3, most=25, warm=False)
        promised = many_rounds(actions) if base_name == "directory" and rank == HEADLINE_RANK else {}
    finally:
        ours.hang(base, {})
    where = " on 3+3 blocks" if base_name == "standin" and STANDIN_BLOCKS[rank] else ""
    for it in compared:
        name = f"{it.who} {it.adapters}"
        rounds = promised if name in promised else series
        times = rounds[name]
        ratio = times.over(rounds[NOTHING]) if it.adapters else None
        what = f"{it.adapters} of rank {rank}{where}" if it.adapters else f"no adapter, beside rank {rank}"
        tell(
            Figure(
                part=PART,
                base=base_name,
                what=what,
                who=it.who,
                value=times.median,
                ratio=ratio,
                against="no adapter" if it.adapters else "",
                rounds=times.rounds,
            )
        )
    if promised:
        for headline, who in {"step_4x16_vs_none": OURS, "mflux_step_4x16_vs_none": UNBAKED}.items():
            tell(Headline(name=headline, value=promised[f"{who} 4"].over(promised[NOTHING])))
    if base_name == "standin" and rank == BAKED_RANK:
        reason = "the base's layers would be 48 GB as dense matrices"
        tell(Missing(part=PART, base=base_name, what="whatever is baked", who=BAKED, reason=reason))


def many_rounds(actions: dict[str, Action]) -> dict[str, Series]:
    """Those whose cost is promised, over more rounds: they differ by less than a busy machine's noise."""
    return interleaved(
        {name: actions[name] for name in (NOTHING, f"{OURS} 4", f"{UNBAKED} 4")}, seconds=90, least=15, most=60
    )


def check(base: Base, step: OneStep, compared: list[Variant]) -> None:
    """As many adapters give the same noise whoever puts them on, another one than fewer, and bare is bare again."""
    noise = {}
    for it in compared:
        ours.hang(base, it.layers)
        noise[it.who, it.adapters] = step.numbers()
    ours.hang(base, {})
    bare = noise["nobody", 0]
    assert np.array_equal(step.numbers(), bare)
    largest = np.abs(bare).max()
    for (who, count), seen in noise.items():
        if count:
            assert np.abs(seen - bare).max() > 1e-4 * largest, (who, count)
            assert np.abs(seen - noise[OURS, count]).max() < 1e-3 * largest, (who, count)
