"""What trainers meant whose strength stands outside the tensors, with PEFT's rules written down once more."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.keymaps.lines.line import Line
from tests.keymaps.oracle import Raw, Wide, Writer
from tests.keymaps.spelled import keys, queries

__all__ = ["SAID"]


@dataclass(frozen=True, slots=True)
class SaidWriter(Writer):
    """One that says strengths elsewhere: of a module by its name."""

    strength: Callable[[str], float] = lambda _: 1.0

    def product(self, raw: Raw, line: Line) -> tuple[float, Wide, Wide]:
        _, up, down = Writer.product(self, raw, line)
        return self.strength(line[0]), up, down


def both() -> list[Line]:
    return [*queries(), *keys()]


def of_keys(theirs: float, others: float) -> Callable[[str], float]:
    return lambda module: theirs if module.endswith(".to_k") else others


SAID: Mapping[str, Writer] = {
    "peft-folder": SaidWriter(lambda: iter(both()), "base_model.model.", strength=of_keys(3 / 2, 8 / 2)),
    "peft-folder-without-config": Writer(lambda: iter(both()), "base_model.model."),
    "peft-rslora": SaidWriter(lambda: iter(both()), "base_model.model.", strength=lambda _: 8 / math.sqrt(2)),
    "diffusers-alpha-in-metadata": SaidWriter(lambda: iter(both()), "transformer.", strength=of_keys(6 / 2, 8 / 2)),
    "simpletuner-entries": SaidWriter(queries, "transformer.", strength=lambda _: 16 / 2),
    **dict.fromkeys(("kohya-to-ai-toolkit", "ai-toolkit-says-sd15"), Writer(queries, "transformer.")),
}
"""Every healthy exhibit of the zoo of plain pairs with such a strength."""
