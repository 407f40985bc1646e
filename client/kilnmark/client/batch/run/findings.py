"""What batches found in their sources, the last of each folder of packs and kind.

A batch of creatures says nothing about places, and one of a single entry nothing about the others: what was found of
them before still holds. Plain facts, kept in the manifest; no source is read here.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import msgspec

from kilnmark.client.batch.plan.plan import Wishes
from kilnmark.client.batch.plan.sources import SOURCES
from kilnmark.client.batch.plan.subjects import Kind

__all__ = ["BatchFindings", "SourceProblem", "with_findings"]


class SourceProblem(msgspec.Struct, frozen=True):
    """An entry of a source that no picture can be made of, or something about it that its author should know.

    Attributes:
        file: The YAML file, as it was reached from the packs' folder.
        line: Counted from 1.
        message: What is wrong there, and what to do.
    """

    file: str
    line: int
    message: str


class BatchFindings(msgspec.Struct, frozen=True, kw_only=True):
    """What batches of one kind found in a folder of packs.

    Attributes:
        packs: Absolute path.
        problems: What costs a picture.
        warnings: What stops nothing.
    """

    kind: Kind
    packs: str
    problems: tuple[SourceProblem, ...] = ()
    warnings: tuple[SourceProblem, ...] = ()

    @classmethod
    def of(cls, wishes: Wishes, problems: Sequence[SourceProblem], warnings: Sequence[SourceProblem]) -> Self:
        """Of a batch that is asked for now."""
        packs = str(wishes.packs.absolute())
        return cls(kind=wishes.kind, packs=packs, problems=tuple(problems), warnings=tuple(warnings))

    def after(self, before: Self, wishes: Wishes) -> Self:
        """These, and of those before what this batch did not look at."""
        return msgspec.structs.replace(
            self,
            problems=tuple(_joined(self.problems, before.problems, wishes)),
            warnings=tuple(_joined(self.warnings, before.warnings, wishes)),
        )


def with_findings(known: Sequence[BatchFindings], found: BatchFindings, wishes: Wishes) -> list[BatchFindings]:
    """What is known with what one more batch found; of packs that are not there any more nothing is told."""
    others = [each for each in known if _series(each) != _series(found) and Path(each.packs).is_dir()]
    before = next((each for each in known if _series(each) == _series(found)), None)
    return [found if before is None else found.after(before, wishes), *others]


def _series(found: BatchFindings) -> tuple[str, Kind]:
    return found.packs, found.kind


def _joined(new: Sequence[SourceProblem], old: Sequence[SourceProblem], wishes: Wishes) -> Iterator[SourceProblem]:
    yield from new
    yield from (each for each in old if each not in new and not _was_looked_at(each, wishes))


def _was_looked_at(problem: SourceProblem, wishes: Wishes) -> bool:
    """Whether a batch would have found it again; one of some entries does not look at the others."""
    if wishes.only or wishes.limit is not None:
        return False
    genre, *inner = problem.file.split("/")
    if wishes.genre is not None and genre != wishes.genre:
        return False
    is_shared = len(inner) == 1 and inner[0] != SOURCES[wishes.kind][0]
    return wishes.world is None or is_shared or inner[:2] == ["worlds", wishes.world]
