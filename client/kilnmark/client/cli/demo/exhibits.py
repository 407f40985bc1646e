"""What the demonstration shows: trained adapters of the sample pack, copies that it breaks, and what was found."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from kilnmark.keymaps.files.safefile import read_file
from kilnmark.keymaps.zoo import flaws
from kilnmark.keymaps.zoo.write import write_tensors
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.replies import StackInfo, Timings

__all__ = [
    "BROKEN",
    "DEAD",
    "EXHIBITS",
    "TRAINED",
    "BrokenAdapter",
    "DemoExhibit",
    "DemoResult",
    "Finding",
    "WorldShown",
    "gather_adapters",
]

TRAINED: Mapping[str, str] = {
    "woodcut": "weatherwright/loras/woodcut.safetensors",
    "gouache": "weatherwright/loras/gouache.safetensors",
    "balloon": "weatherwright/worlds/carding_moor/loras/balloon.safetensors",
}
"""Adapters of the sample pack, by where they lie in it."""


class BrokenAdapter(NamedTuple):
    """A trained adapter of which the demonstration writes a copy with a defect."""

    of: str
    flaw: Callable[[flaws.Tensors], flaws.Tensors]


BROKEN: Mapping[str, BrokenAdapter] = {
    "woodcut-renamed": BrokenAdapter("woodcut", flaws.unknown),
    "gouache-zeroed": BrokenAdapter("gouache", flaws.dead),
}


DEAD = "woodcut-renamed"
"""The one that stands among healthy ones in the stack that is to be refused."""


class DemoExhibit(NamedTuple):
    """A stack of the demonstration and what must be found of it.

    Attributes:
        adapters: Names of `TRAINED` and `BROKEN`.
        says: What it is, in words.
        expected: The verdict of each.
    """

    adapters: tuple[str, ...]
    says: str
    expected: Literal[Verdict.ENGAGED, Verdict.NOOP]

    @property
    def name(self) -> str:
        """What its picture is called."""
        return "+".join(self.adapters)


EXHIBITS = (
    DemoExhibit(("woodcut",), "a style, trained", Verdict.ENGAGED),
    DemoExhibit(("gouache",), "another style, trained", Verdict.ENGAGED),
    DemoExhibit(("woodcut", "gouache"), "both at once", Verdict.ENGAGED),
    DemoExhibit(("balloon",), "a thing, trained", Verdict.ENGAGED),
    DemoExhibit(("woodcut-renamed",), "its weights, in names nobody knows", Verdict.NOOP),
    DemoExhibit(("gouache-zeroed",), "its names, but all weights zero", Verdict.NOOP),
)


def gather_adapters(packs: Path, folder: Path) -> dict[str, Path]:
    """Every adapter by name: those of the sample pack, and its broken copies, which are written to a folder."""
    found = {name: packs / file for name, file in TRAINED.items()}
    for name, broken in BROKEN.items():
        healthy = read_file(found[broken.of])
        tensors = broken.flaw({key: healthy.array(key) for key in healthy.tensors})
        found[name] = write_tensors(folder / f"{name}.safetensors", tensors, metadata=healthy.metadata)
    return found


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One render of the demonstration.

    Attributes:
        name: Of the exhibit.
        says: What it is, in words.
        expected: The verdict that each adapter must get.
        reports: The engagement reports that the daemon gave, in stack order.
        pixels_moved: Mean absolute difference to the picture without adapters, of 255.
        picture: The PNG.
        timings: Where the render's time went.
    """

    name: str
    says: str
    expected: Verdict
    reports: list[AdapterReport]
    pixels_moved: float
    picture: str
    timings: Timings

    @property
    def is_caught(self) -> bool:
        """An adapter of it did not engage."""
        return any(report.verdict is not Verdict.ENGAGED for report in self.reports)

    @property
    def holds(self) -> bool:
        """The verdicts are the expected one, and the pixels bear it out."""
        moved = self.pixels_moved > 0
        judged = bool(self.reports) and all(report.verdict is self.expected for report in self.reports)
        return judged and moved == (self.expected is Verdict.ENGAGED)


class WorldShown(msgspec.Struct, frozen=True, kw_only=True):
    """One world of the sample pack, rendered by its name.

    Attributes:
        prompt: What it was asked for with, before the world's own words.
        stack: What the daemon composed, and for which genre, world and tier.
        loras: The engagement report of each adapter of that stack.
        picture: The PNG.
    """

    prompt: str
    stack: StackInfo
    loras: list[AdapterReport]
    picture: str

    @property
    def left_out(self) -> tuple[str, ...]:
        """Adapters of the genre that this world does without: it left them out, and did not add them again."""
        return tuple(name for name in self.stack.excluded if name not in self.stack.names)

    @property
    def holds(self) -> bool:
        """It has a stack of its own, and every adapter of it engaged."""
        return bool(self.loras) and all(report.verdict is Verdict.ENGAGED for report in self.loras)


class DemoResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the demonstration found, whole.

    Attributes:
        prompt: What all pictures but those of the worlds were asked for with.
        findings: One an exhibit.
        refusal: The daemon's sentence on a stack of two healthy and one dead adapter.
        accused: The adapters of that stack that did not engage.
        base_unchanged: The picture without adapters came out the same, bit for bit, after everything.
        base_picture: That picture.
        worlds: The worlds of the sample pack.
        sheet: All pictures on one, with what was found of each (PNG).
        page: The same for a browser (HTML).
        trace: File of all spans, for `kilnmark trace`.
        spans: How many.
        seconds: What all of it took.
    """

    prompt: str
    findings: Sequence[Finding]
    refusal: str
    accused: Sequence[str]
    base_unchanged: bool
    base_picture: str
    worlds: Sequence[WorldShown] = ()
    sheet: str = ""
    trace: str = ""
    spans: int = 0
    seconds: float = 0.0
    page: str = ""

    @property
    def holds(self) -> bool:
        """Everything came out as it must."""
        shown = [finding.holds for finding in self.findings] + [world.holds for world in self.worlds]
        return all(shown) and self.base_unchanged and list(self.accused) == [DEAD]
