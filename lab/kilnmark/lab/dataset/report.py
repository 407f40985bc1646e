"""What a preflight comes to, as one document: figures, findings, and whether the dataset can be trained on."""

from collections.abc import Iterator

import msgspec

from kilnmark.lab.dataset.findings import DatasetFinding, Level
from kilnmark.lab.dataset.lengths import CaptionLengths
from kilnmark.lab.dataset.likeness import Outliers, Twins
from kilnmark.lab.dataset.sources import SourceShare
from kilnmark.lab.run.plan import LoraKind
from kilnmark.lab.run.state import Outcome

__all__ = ["AspectCount", "DatasetReport", "SizeCount"]


class SizeCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many pictures have one size.

    Attributes:
        width, height: Pixels, upright.
        pictures: How many.
    """

    width: int
    height: int
    pictures: int


class AspectCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many pictures have one shape.

    Attributes:
        aspect: Width to height, by the name of the nearest usual shape, or as a number to 1.
        pictures: How many.
    """

    aspect: str
    pictures: int


class DatasetReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a preflight found.

    Attributes:
        dataset: As it was called.
        outcome: Whether it can be trained on: it can where no finding refuses it.
        kind: What is to be taught.
        trigger: The words that call the adapter up; empty: there are none.
        base: The variant that is trained.
        size: Pixels that a trainer works at, squared.
        layout: How captions were found: `captions`, `jsonl` or `mflux`.
        pictures: Files of pictures.
        pairs: Pictures that can be decoded, with what they are trained with.
        distinct: Of these, such that no other has the same pixels.
        sha256: Over all pictures and captions, by name and content.
        sizes: Those of the pictures, the most frequent first.
        aspects: Their shapes, likewise.
        sources: Where they come from; none where nothing tells.
        lengths: Of captions, for each text encoder of the base.
        twins: Pictures that show the same.
        outliers: Pictures that stand apart.
        findings: What is to be said of all this, what refuses first.
    """

    dataset: str
    outcome: Outcome
    kind: LoraKind
    trigger: str
    base: str
    size: int
    layout: str
    pictures: int
    pairs: int
    distinct: int
    sha256: str
    sizes: tuple[SizeCount, ...]
    aspects: tuple[AspectCount, ...]
    sources: tuple[SourceShare, ...]
    lengths: tuple[CaptionLengths, ...]
    twins: tuple[Twins, ...]
    outliers: Outliers
    findings: tuple[DatasetFinding, ...]

    @property
    def passed(self) -> bool:
        """It can be trained on."""
        return self.outcome is Outcome.PASSED

    def of_level(self, level: Level) -> Iterator[DatasetFinding]:
        """The findings of one level."""
        return (finding for finding in self.findings if finding.level is level)

    def refusals(self) -> tuple[str, ...]:
        """What refuses the dataset, in sentences."""
        return tuple(finding.said for finding in self.of_level(Level.REFUSE))

    def problems(self) -> tuple[str, ...]:
        """What refuses the dataset, and what is warned of, in sentences."""
        weighty = (finding for finding in self.findings if finding.level is not Level.TOLD)
        return tuple(f"{finding.said}; {finding.mend}" if finding.mend else finding.said for finding in weighty)
