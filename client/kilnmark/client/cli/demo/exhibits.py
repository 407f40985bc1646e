"""What the demonstration shows: the adapters it makes, and what each render of it found."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from kilnmark.keymaps.zoo.write import ConventionName, make_adapter
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.replies import StackInfo, Timings

__all__ = ["EXHIBITS", "DemoExhibit", "DemoResult", "Finding", "WorldShown", "make_adapters"]


class DemoExhibit(NamedTuple):
    """One adapter of the demonstration and what must be found of it."""

    name: str
    convention: ConventionName
    seed: int
    says: str
    expected: Literal[Verdict.ENGAGED, Verdict.NOOP]
    dead: bool = False


EXHIBITS = (
    DemoExhibit("healthy-diffusers", "diffusers", 1, "healthy, as diffusers writes it", Verdict.ENGAGED),
    DemoExhibit("healthy-kohya", "kohya", 2, "healthy, as kohya writes it", Verdict.ENGAGED),
    DemoExhibit("dead-zero-weights", "diffusers", 3, "right names, but all weights zero", Verdict.NOOP, dead=True),
    DemoExhibit("dead-unknown-names", "unknown", 4, "weights, but in names nobody knows", Verdict.NOOP),
)


def make_adapters(folder: Path) -> dict[str, Path]:
    """Write every exhibit at full size (494 layers, rank 4, bf16), by name."""
    return {
        exhibit.name: make_adapter(
            folder / f"{exhibit.name}.safetensors",
            exhibit.convention,
            rank=4,
            seed=exhibit.seed,
            dead=exhibit.dead,
            dtype="BF16",
        )
        for exhibit in EXHIBITS
    }


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One render of the demonstration.

    Attributes:
        name: Of the exhibit.
        says: What was done to it, in words.
        expected: The verdict it must get.
        report: The engagement report the daemon gave.
        pixels_moved: Mean absolute difference to the picture without adapters, of 255.
        picture: The PNG.
        timings: Where the render's time went.
    """

    name: str
    says: str
    expected: Verdict
    report: AdapterReport
    pixels_moved: float
    picture: str
    timings: Timings

    @property
    def holds(self) -> bool:
        """The verdict is the expected one, and the pixels bear it out."""
        moved = self.pixels_moved > 0
        return self.report.verdict is self.expected and moved == (self.expected is Verdict.ENGAGED)


class WorldShown(msgspec.Struct, frozen=True, kw_only=True):
    """One world of the sample pack, rendered by its name.

    Attributes:
        stack: What the daemon composed, and for which genre, world and tier.
        loras: The engagement report of each adapter of that stack.
        picture: The PNG.
    """

    stack: StackInfo
    loras: list[AdapterReport]
    picture: str

    @property
    def holds(self) -> bool:
        """It has a stack of its own, and every adapter of it engaged."""
        return bool(self.loras) and all(report.verdict is Verdict.ENGAGED for report in self.loras)


class DemoResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the demonstration found, whole.

    Attributes:
        findings: One an exhibit.
        refusal: The daemon's sentence on a stack of two healthy and one dead adapter.
        accused: The adapters of that stack that did not engage.
        base_unchanged: The picture without adapters came out the same, bit for bit, after everything.
        base_picture: That picture.
        worlds: The worlds of the sample pack.
        trace: File of all spans, one JSON object a line.
        spans: How many.
        seconds: What all of it took.
    """

    findings: Sequence[Finding]
    refusal: str
    accused: Sequence[str]
    base_unchanged: bool
    base_picture: str
    worlds: Sequence[WorldShown]
    trace: str
    spans: int
    seconds: float

    @property
    def holds(self) -> bool:
        """Everything came out as it must."""
        dead = [exhibit.name for exhibit in EXHIBITS if exhibit.dead]
        shown = [finding.holds for finding in self.findings] + [world.holds for world in self.worlds]
        return all(shown) and self.base_unchanged and list(self.accused) == dead
