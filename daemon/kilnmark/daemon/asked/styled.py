"""A style as one request gets it: composed, with the files of its stack found or not.

What the daemon knows of a style beyond its documents; where those come from is `packs`' part.
"""

from dataclasses import dataclass

from kilnmark.protocol.content.composition import Located, stack_info
from kilnmark.protocol.content.packs import ComposedStyle
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.errors import AdapterRefused
from kilnmark.protocol.wire.replies import StackInfo

__all__ = ["Styled"]


@dataclass(frozen=True, slots=True)
class Styled:
    """A composed style, the files of its stack, and what a reply made of it should warn of."""

    style: ComposedStyle
    files: Located
    warnings: tuple[str, ...] = ()

    @property
    def stack(self) -> StackInfo:
        """As a reply names it."""
        return stack_info(self.style)

    @property
    def scales(self) -> list[float]:
        """Of its adapters, in stack order."""
        return [adapter.entry.scale for adapter in self.style.stack.adapters]

    @property
    def refused(self) -> list[AdapterReport]:
        """A report of each file that is not there or not sound, in stack order."""
        pairs = zip(self.style.stack.adapters, self.files.found, strict=True)
        return [
            AdapterReport(
                name=adapter.entry.name,
                path=found.path,
                scale=adapter.entry.scale,
                verdict=Verdict.REFUSED,
                reason=found.problem,
            )
            for adapter, found in pairs
            if found.problem
        ]

    def refusal(self, job_id: str) -> AdapterRefused | None:
        """A stack whose files are not all there and sound is none, whatever a render does with dead adapters.

        The error names each file, where it is named, and the mend; its `detail` holds the reports and the problems.
        """
        problems = self.files.problems
        if not problems:
            return None
        detail = {"loras": self.refused, "problems": problems}
        return AdapterRefused("; ".join(map(str, problems)), job_id=job_id, detail=detail)
