"""A style as one request gets it: composed, with the files of its stack found or not.

What the daemon knows of a style beyond its documents; where those come from is `packs`' part.
"""

from dataclasses import dataclass

import msgspec

from kilnmark.protocol.content.composition import Located, stack_info
from kilnmark.protocol.content.packs import ComposedStyle
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.errors import AdapterRefused
from kilnmark.protocol.wire.replies import StackInfo
from kilnmark.protocol.wire.requests import RenderParams

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

    def asked(self, params: RenderParams) -> RenderParams:
        """The request, with what the style says where it is silent."""
        fields = self.style.fields
        return msgspec.structs.replace(
            params,
            prompt=self.style.prompt(params.prompt),
            negative_prompt=fields.negative_prompt if params.negative_prompt is None else params.negative_prompt,
            seed=fields.base_seed if params.seed is None else params.seed,
            lora_paths=self.files.paths,
            lora_scales=[adapter.entry.scale for adapter in self.style.stack.adapters],
        )

    def warnings_on(self, base: str) -> tuple[str, ...]:
        """What to warn of when it is painted on this base."""
        wished, tier = self.style.variant, self.style.tier
        if wished == base:
            return self.warnings
        whose = (
            f"tier {tier.name!r} was tuned for {wished!r}"
            if wished == tier.variant
            else f"the style of genre {self.style.pack.genre!r} prefers {wished!r}"
        )
        return (*self.warnings, f"{whose}; this picture was rendered on {base!r}")

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
