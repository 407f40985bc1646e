"""The numbered blocks of a model, as scales for some of them call them, and what such scales come to on its layers.

How a pattern is written is `protocol.picture.block_scales`'s part; here it meets the layers that there are.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kilnmark.keymaps.errors import UnusableScales
from kilnmark.keymaps.names.shapes import encoder_of
from kilnmark.protocol.picture.block_scales import REST, BlockPattern, BlockScale, block_scales_problem
from kilnmark.protocol.picture.family import Family

__all__ = ["Blocks", "LayerScales"]

_ENCODER = "_text_encoder"
"""Left out of an encoder's name: `clip`, not `clip_text_encoder`."""


class _BlockPlace(NamedTuple):
    """The run that a layer is of, and the number of its block there; None outside its blocks."""

    run: str
    number: int | None


class LayerScales(NamedTuple):
    """Scales for some blocks, on the layers of one adapter.

    Attributes:
        scales: Of each layer, in the adapter's order.
        reached: What each scale that was asked for reached, the rest last.
    """

    scales: tuple[float, ...]
    reached: tuple[BlockScale, ...]

    def times(self, factor: float) -> "LayerScales":
        """All of it, stronger."""
        reached = (BlockScale(each.blocks, factor * each.scale, each.target_count) for each in self.reached)
        return LayerScales(tuple(factor * scale for scale in self.scales), tuple(reached))


@dataclass(frozen=True, slots=True)
class Blocks:
    """Of one model.

    Attributes:
        places: By layer; one of no run is not in it.
        last: The number of the last block of each run, -1 where it has none.
    """

    places: Mapping[str, _BlockPlace]
    last: Mapping[str, int]

    @classmethod
    def of(cls, targets: Iterable[str], family: Family) -> "Blocks":
        """Those of a model with these layers."""
        places = {target: place for target in targets if (place := _place(target, family)) is not None}
        last: dict[str, int] = {}
        for run, number in places.values():
            last[run] = max(last.get(run, -1), -1 if number is None else number)
        order = [run.name for run in family.runs]
        ranked = sorted(last, key=lambda run: (order.index(run) if run in order else len(order), run))
        return cls(places, {run: last[run] for run in ranked})

    @property
    def words(self) -> str:
        """The patterns there are, for people: `double (double.0-18), single (single.0-37), ...`."""
        return ", ".join(run if last < 0 else f"{run} ({run}.0-{last})" for run, last in self.last.items())

    def scales(self, targets: Sequence[str], scale: float, blocks: Mapping[str, float]) -> LayerScales:
        """What scales for some blocks come to on the layers of an adapter.

        Args:
            targets: Its layers.
            scale: Of the layers that no pattern matches.
            blocks: Scales by patterns.

        Raises:
            UnusableScales: A pattern matches no layer of the model, or none of the adapter, or is none; or two that
                claim one block differ.
        """
        if problem := block_scales_problem(blocks):
            said, _, mend = problem[1].partition("; ")
            raise UnusableScales(said, mend)
        found = [math.nan] * len(targets)
        reached = []
        for text, each in blocks.items():
            pattern = self._known(text)
            mine = [at for at, target in enumerate(targets) if self._is_of(target, pattern)]
            if not mine:
                raise UnusableScales(f"it has no layer in {text!r}", f"it changes {self._words_of(targets)}")
            for at in mine:
                found[at] = each
            reached.append(BlockScale(text, each, len(mine)))
        rest = sum(map(math.isnan, found))
        scales = tuple(scale if math.isnan(one) else one for one in found)
        return LayerScales(scales, (*reached, BlockScale(REST, scale, rest)))

    def problem(self, targets: Sequence[str], blocks: Mapping[str, float]) -> str:
        """Why scales for some blocks cannot be meant on the layers of an adapter; empty where they can."""
        try:
            self.scales(targets, 0.0, blocks)
        except UnusableScales as error:
            return str(error)
        return ""

    def _is_of(self, target: str, pattern: BlockPattern) -> bool:
        place = self.places.get(target)
        return place is not None and pattern.has(*place)

    def _known(self, text: str) -> BlockPattern:
        pattern = BlockPattern.read(text)
        last = -1 if pattern is None else self.last.get(pattern.name, -2)
        if pattern is None or last < -1 or (pattern.last is not None and pattern.last > last):
            raise UnusableScales(f"this base has no blocks {text!r}", f"it has {self.words}")
        return pattern

    def _words_of(self, targets: Sequence[str]) -> str:
        """Which blocks of each run an adapter changes, at most."""
        spans: dict[str, list[int]] = {}
        for place in (self.places[target] for target in targets if target in self.places):
            spans.setdefault(place.run, []).extend([] if place.number is None else [place.number])
        if not spans:
            return "no numbered blocks, so that `scale` is all it takes"
        named = [(run, spans[run]) for run in self.last if run in spans]
        return ", ".join(f"{run}.{min(numbers)}-{max(numbers)}" if numbers else run for run, numbers in named)


def _place(target: str, family: Family) -> _BlockPlace | None:
    if encoder := encoder_of(target):
        parts = target.split(".")[1:]
        return _BlockPlace(
            encoder.removesuffix(_ENCODER), next((int(part) for part in parts if part.isdecimal()), None)
        )
    for run in family.runs:
        number = target.removeprefix(run.path).partition(".")[0]
        if target.startswith(run.path) and number.isdecimal():
            return _BlockPlace(run.name, int(number))
    return None if family.runs else _by_path(target)


def _by_path(target: str) -> _BlockPlace | None:
    """Of a family that has no names for its runs: what stands before the number, where something follows it."""
    name, *rest = target.split(".")
    return _BlockPlace(name, int(rest[0])) if len(rest) > 1 and rest[0].isdecimal() else None
