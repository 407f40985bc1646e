"""Steps of one base on a card: mflux as it is, ours exact and fast, under none, one and four adapters; and switches.

`python -m tests.benchmarks.gpu.steps --seconds 100 --adapters FOLDER [--bits 8] [--only fast] [--small]`, started by
`scripts.bench_gpu`.
"""

import functools
import itertools
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.flux1.model import Flux1Model
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.adapter import Adapter
from tests.benchmarks import mflux_rival, ours
from tests.benchmarks.figures import Figure, Headline, Platform, tell
from tests.benchmarks.files import AdapterFiles
from tests.benchmarks.gpu.part import Part, Variant, compare, step_ms
from tests.engine.flux import flux_of

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first

RANK, ADAPTERS, SCALE = 16, 4, 0.5
NONE, ONE, FOUR = "no adapter", f"1 of rank {RANK}", f"{ADAPTERS} of rank {RANK}"
MFLUX, EXACT, FAST = "mflux, and ours in exact", "kilnmark, exact", "kilnmark, fast"
UNBAKED = "mflux, unbaked layers"
FLIPS = 6


def main() -> None:
    """All of one base, the most important first."""
    part = Part.asked()
    mx.reset_peak_memory()
    fast = load_base(part.variant, part.bits, numerics="fast")
    name = f"q{part.bits}" if part.bits else fast.info.precision
    compiled = "compiled" if fast.info.compiled else "not compiled"
    tell(Platform(facts={f"blocks in {name}": compiled}))
    files = AdapterFiles(part.adapters).get(fast.shapes, RANK, ADAPTERS)
    adapters = [ours.read(fast, file) for file in files]
    found: Found = {}
    if part.only != "exact":
        in_fast(part, name, fast, adapters, files, found)
    fast.stacker.clear()
    if part.only != "fast":
        in_exact(part, name, fast, adapters, found)


def in_fast(
    part: Part, name: str, fast: Base, adapters: Sequence[Adapter], files: Sequence[Path], found: "Found"
) -> None:
    """Steps without and with adapters, and what changing them costs."""
    steps, bare = 1 if part.is_small else 5, (NONE, FAST)
    compare(part, name, [on(fast, NONE, FAST, [], 12), on(fast, FOUR, FAST, adapters, 8, bare)], steps, found)
    tell_headlines(name, found)
    if part.has(10, name, "A-B-A flip", FAST):
        switches(part, name, fast, adapters, files)
    compare(part, name, [on(fast, ONE, FAST, adapters[:1], 6, bare)], steps, found)


def in_exact(part: Part, name: str, fast: Base, adapters: Sequence[Adapter], found: "Found") -> None:
    """The same steps on the same weights, run as mflux runs them, under our stacks and under mflux's own layers."""
    exact, bare = exactly(fast), (NONE, MFLUX)
    steps = 1 if part.is_small else 5 if part.bits is None else 2
    compare(part, name, [on(exact, NONE, MFLUX, [], 12, (NONE, FAST))], steps, found)
    some = [on(exact, FOUR, EXACT, adapters, 8, bare), on(exact, ONE, EXACT, adapters[:1], 8, bare)]
    compare(part, name, some, min(steps, 2), found)
    exact.stacker.clear()
    if not part.has(12, name, FOUR, UNBAKED):
        return
    theirs = mflux_rival.unbaked_layers(exact, adapters, SCALE)
    hung = [
        Variant(label, UNBAKED, exact, functools.partial(ours.hang, exact, theirs[count]), 8, bare)
        for label, count in ((FOUR, ADAPTERS), (ONE, 1))
    ]
    compare(part, name, hung, min(steps, 2), found)


Found = dict[tuple[str, str], float]
"""Milliseconds a step, by what and whose."""


def on(
    base: Base, what: str, who: str, adapters: Sequence[Adapter], seconds: float, against: tuple[str, str] | None = None
) -> Variant:
    """With these on the base, each at one scale."""
    members = [Member(adapter, SCALE) for adapter in adapters]
    return Variant(what, who, base, functools.partial(base.stacker.switch, members), seconds, against)


def exactly(fast: Base) -> Base:
    """The same weights, run as mflux runs them; only one of both may have a stack on."""
    model = Flux1Model(flux_of(fast), fast.model.fingerprint)
    return Base(model, fast.variant, msgspec.structs.replace(fast.info, numerics="exact", compiled=False))


def tell_headlines(name: str, found: Mapping[tuple[str, str], float]) -> None:
    """What is promised of a card, as far as it was measured."""
    if name == "bfloat16" and (NONE, FAST) in found:
        tell(Headline(name="step_bf16_ms", value=found[NONE, FAST]))
    if name in {"q8", "q4"} and (NONE, FAST) in found:
        tell(Headline(name=f"step_{name}_ms", value=found[NONE, FAST]))
    if (NONE, FAST) in found and (FOUR, FAST) in found:
        word = "bf16" if name == "bfloat16" else name
        tell(Headline(name=f"step_4x16_vs_none_{word}", value=found[FOUR, FAST] / found[NONE, FAST]))


def switches(part: Part, name: str, fast: Base, adapters: Sequence[Adapter], files: Sequence[Path]) -> None:
    """Flips between two stacks of one adapter that are held ready, another scale, and a file nobody has read."""
    one, other = ([Member(adapter, SCALE)] for adapter in adapters[:2])
    for each in (one, other):
        fast.stacker.switch(each)
        step_ms(part, fast, 1)
    assert isinstance(fast.model, Flux1Model)
    before, flips = fast.model.traces, []
    for members in itertools.islice(itertools.cycle([one, other]), 2 if part.is_small else FLIPS):
        flips.append(taken(functools.partial(fast.stacker.switch, members)))
        step_ms(part, fast, 1)
    show(name, "A-B-A flip", flips)
    scales = [[Member(adapters[0], SCALE + 0.01 * step)] for step in range(1, 4)]
    show(name, "scale changed only", [taken(functools.partial(fast.stacker.switch, each)) for each in scales])
    step_ms(part, fast, 1)
    traces = float(fast.model.traces - before)
    tell(Figure(part="switch", base=name, what="traces by flips and rescales", who=FAST, value=traces, unit=""))
    if part.bits is None:
        tell(Headline(name="flip_ms", value=statistics.median(flips)))
        tell(Headline(name="traces_on_flip", value=traces))
    for what, switch in {
        "tensors cached, stack not built": functools.partial(fast.stacker.switch, one),
        "cold: file to stack": functools.partial(ours.cold, fast, files[2]),
    }.items():
        fast.stacker.clear()
        show(name, what, [taken(switch)])
    fast.stacker.clear()
    peak = mx.get_peak_memory() / 2**30
    tell(Figure(part="memory", base=name, what="peak of steps and switches", who=FAST, value=peak, unit="GiB"))


def taken(run: Callable[[], object]) -> float:
    """Milliseconds until all that it started is computed."""
    mx.synchronize()
    began = time.perf_counter()
    run()
    mx.synchronize()
    return 1e3 * (time.perf_counter() - began)


def show(name: str, what: str, ms: Sequence[float]) -> None:
    tell(Figure(part="switch", base=name, what=what, who=FAST, value=statistics.median(ms), rounds=len(ms)))


if __name__ == "__main__":
    main()
