"""What it costs to change the stack of a warm base, against everything that mflux offers for it."""

import itertools
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from kilnmark.engine.families.base import Base
from tests.benchmarks import mflux_rival, ours
from tests.benchmarks.clock import Action, Series, interleaved
from tests.benchmarks.figures import Figure, Headline, Missing, tell
from tests.benchmarks.files import AdapterFiles
from tests.benchmarks.step import OneStep
from tests.engine.flux import flux_of

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

PART, RANK = "switch", 16
SAMPLED = "transformer_blocks.0.attn.to_q"
COLD = "cold: file to stack"
REBUILT = "mflux, rebuilt with lora_paths"
UNBAKED = "mflux, loader on a warm base, unbaked"
BAKED = "mflux, loader on a warm base, baked"


@pytest.fixture(scope="module")
def paths(base: Base, files: AdapterFiles) -> tuple[Path, Path]:
    first, second = files.get(base.shapes, RANK, 2)
    return first, second


def tell_series(base_name: str, what: str, who: str, series: Series, against: tuple[str, Series] | None) -> None:
    ratio = series.over(against[1]) if against else None
    tell(
        Figure(
            part=PART,
            base=base_name,
            what=what,
            who=who,
            value=series.median,
            ratio=ratio,
            against=against[0] if against else "",
            rounds=series.rounds,
        )
    )


def test_what_each_way_to_another_stack_costs(base: Base, base_name: str, paths: tuple[Path, Path]) -> None:
    first, second = (ours.read(base, path) for path in paths)
    scales = itertools.count(0.5, 1e-3)

    def both_built() -> None:
        ours.cached(base, first)
        ours.cached(base, second)

    actions = {
        COLD: Action(lambda: ours.cold(base, paths[0]), lambda: ours.off(base)),
        "tensors cached, stack not built": Action(lambda: ours.cached(base, first), lambda: ours.off(base)),
        "A-B-A flip": Action(lambda: ours.flip(base, first), both_built),
        "scale changed only": Action(lambda: ours.rescale(base, first, next(scales)), lambda: ours.cached(base, first)),
        "same stack again": Action(lambda: ours.again(base, first), lambda: ours.cached(base, first)),
    }
    series = interleaved(actions, seconds=30, least=5, most=15)
    for what, times in series.items():
        against = None if what == COLD else (COLD, series[COLD])
        tell_series(base_name, what, "kilnmark", times, against)
    if base_name == "standin":
        tell(Headline(name="flip_ms", value=series["A-B-A flip"].median))
        tell(Headline(name="scale_change_vs_cold", value=series["scale changed only"].over(series[COLD])))


def rivals(base: Base, directory: Path | None, path: Path, built: list[bool]) -> dict[str, Action]:
    """Ours and mflux's ways from a file to a model that has the adapter.

    Args:
        base: Warm.
        directory: It came from; None for the standin.
        path: The adapter.
        built: Told after each rebuild whether the new model has it.
    """
    weights = mflux_rival.weights_of(base)
    bare_weight = base.slots[SAMPLED].linear.weight

    def rebuild() -> None:
        layer = mflux_rival.rebuild(directory, path).transformer.transformer_blocks[0].attn.to_q
        built.append("lora_A" in layer or bool(mx.any(layer.weight != bare_weight).item()))

    def bare() -> None:
        ours.off(base)
        mflux_rival.restore(base, weights)
        mx.clear_cache()

    actions = {
        "kilnmark": Action(lambda: ours.cold(base, path), bare),
        REBUILT: Action(rebuild, bare),
        UNBAKED: Action(lambda: mflux_rival.apply(flux_of(base), [path]), bare),
    }
    if directory is not None:
        actions[BAKED] = Action(lambda: mflux_rival.apply(flux_of(base), [path], bake=True), bare)
    return actions


@pytest.fixture
def where(base_name: str, request: pytest.FixtureRequest) -> Path | None:
    return request.getfixturevalue("directory") if base_name == "directory" else None


def test_a_cold_switch_against_mflux(base: Base, base_name: str, where: Path | None, paths: tuple[Path, Path]) -> None:
    built: list[bool] = []
    actions = rivals(base, where, paths[0], built)
    series = interleaved(actions, seconds=30, least=1, most=5, warm=False)
    actions["kilnmark"].before()
    assert built
    assert all(built)
    for who, times in series.items():
        if who != "kilnmark":
            tell_series(base_name, COLD, who, times, ("kilnmark", series["kilnmark"]))
    if where is None:
        reason = "the base's layers would be 48 GB as dense matrices"
        tell(Missing(part=PART, base=base_name, what=COLD, who=BAKED, reason=reason))
    else:
        speedup = series[REBUILT].over(series["kilnmark"])
        tell(Headline(name="cold_switch_speedup_vs_rebuild", value=speedup))


def test_what_is_timed_really_changes_the_noise(base: Base, paths: tuple[Path, Path]) -> None:
    step = OneStep(base)
    bare = step.numbers()
    first, second = (ours.read(base, path) for path in paths)
    ours.cold(base, paths[0])
    styled = step.numbers()
    ours.flip(base, second)
    other = step.numbers()
    ours.flip(base, first)
    assert np.array_equal(step.numbers(), styled)
    ours.rescale(base, first, 0.5)
    half = step.numbers()
    ours.off(base)
    for seen, than in itertools.combinations([bare, styled, other, half], 2):
        assert np.abs(seen - than).max() > 1e-4 * np.abs(bare).max()
    mflux_rival.apply(flux_of(base), [paths[0]])
    theirs = step.numbers()
    mflux_rival.restore(base, {})
    assert np.abs(theirs - styled).max() < 1e-3 * np.abs(styled).max()
    assert np.array_equal(step.numbers(), bare)
