"""What every part of the benchmark on a card shares: its time, its table's words, and a step of a true picture.

A part is a process of its own, so that one that hangs or takes too long takes nothing with it. It tells each figure
when it is known, the most important first.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import mlx.core as mx

from kilnmark.engine.families.base import Base
from kilnmark.protocol.picture.spec import PictureSpec
from tests.benchmarks.figures import Figure, Missing, tell
from tests.benchmarks.gpu.made import FULL, SMALL

__all__ = ["Clocked", "Part", "Variant", "compare", "spec_of", "step_ms"]

PROMPTS = {FULL: "a kiln on a hill above the river, seen from the road at dusk, in the rain", SMALL: "kiln"}
SIDES = {FULL: 1024, SMALL: 32}


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the benchmark.

    Attributes:
        variant: Of the made-up family.
        bits: None: not packed.
        ends: By the clock of `time.monotonic`.
        adapters: A folder for adapter files, which parts share.
        only: `fast` or `exact`; None for both.
    """

    variant: str
    bits: int | None
    ends: float
    adapters: Path
    only: str | None = None

    @classmethod
    def asked(cls) -> "Part":
        """From the command line."""
        parser = argparse.ArgumentParser()
        parser.add_argument("--small", action="store_true")
        parser.add_argument("--bits", type=int)
        parser.add_argument("--only", choices=["fast", "exact"])
        parser.add_argument("--seconds", type=float, required=True)
        parser.add_argument("--adapters", type=Path, required=True)
        asked = parser.parse_args()
        ends = time.monotonic() + asked.seconds
        return cls(SMALL if asked.small else FULL, asked.bits, ends, asked.adapters, asked.only)

    @property
    def is_small(self) -> bool:
        """For a machine without a card."""
        return self.variant == SMALL

    @property
    def left(self) -> float:
        """Seconds."""
        return self.ends - time.monotonic()

    def has(self, seconds: float, base: str, what: str, who: str) -> bool:
        """Whether so much time is left, in seconds on a card; told where it is not."""
        if self.is_small or self.left > seconds:
            return True
        reason = f"{max(0.0, self.left):.0f} s were left, and it takes {seconds:g}"
        tell(Missing(part="step", base=base, what=what, who=who, reason=reason))
        return False


@dataclass
class Clocked:
    """Watches a picture, and keeps when each of its steps was computed."""

    at: list[float] = field(default_factory=list)

    def stepped(self, _: int) -> None:
        """Called before a step is computed, when those before it are."""
        self.at.append(time.perf_counter())

    def denoised(self, latents: mx.array) -> None:
        """All are computed."""
        mx.eval(latents)
        self.at.append(time.perf_counter())

    @property
    def ms(self) -> list[float]:
        """Of each step; the first may hold what all share."""
        return [1e3 * (after - before) for before, after in zip(self.at, self.at[1:], strict=False)]


def spec_of(part: Part, steps: int, seed: int = 7) -> PictureSpec:
    """A square picture of the part's size."""
    side = SIDES[part.variant]
    return PictureSpec(
        prompt=PROMPTS[part.variant],
        negative_prompt=None,
        variant=part.variant,
        seed=seed,
        steps=steps,
        guidance=3.5,
        width=side,
        height=side,
    )


def step_ms(part: Part, base: Base, steps: int) -> list[float]:
    """Milliseconds of so many steps of a picture, whose first is left out; it is not decoded."""
    watch = Clocked()
    base.generate(spec_of(part, steps + 1), watch)
    return watch.ms[1:]


@dataclass(frozen=True, slots=True)
class Variant:
    """What is compared: who computes, with what on the base.

    Attributes:
        what, who: For the table.
        base: That paints.
        put_on: Puts its adapters on the base, and takes off what was there.
        seconds: That it may take on a card until it is measured, with all that is compiled for it.
        against: Whose and which of those measured before it is compared with; None for nobody.
    """

    what: str
    who: str
    base: Base
    put_on: Callable[[], object]
    seconds: float
    against: tuple[str, str] | None = None


def compare(
    part: Part, name: str, variants: Sequence[Variant], steps: int, found: dict[tuple[str, str], float]
) -> None:
    """Add milliseconds a step of each, in the order given, as far as there is time; each is told when it is known."""
    for it in variants:
        if not part.has(it.seconds, name, it.what, it.who):
            continue
        it.put_on()
        if not part.is_small:
            step_ms(part, it.base, 1)  # what is compiled for it
        taken = step_ms(part, it.base, steps)
        found[it.what, it.who] = statistics.median(taken)
        bare = None if it.against is None else found.get(it.against)
        tell(
            Figure(
                part="step",
                base=name,
                what=it.what,
                who=it.who,
                value=statistics.median(taken),
                ratio=None if bare is None else statistics.median(taken) / bare,
                against="" if bare is None or it.against is None else f"{it.against[0]}, {it.against[1]}",
                rounds=len(taken),
            )
        )
