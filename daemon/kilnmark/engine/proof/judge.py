"""The adapters of one render, judged before anything is painted: read, measured, weighed as a stack, and probed.

Evidence is gathered here, adapter by adapter, and what protocol's `judge` makes of it stands in the reports and on the
spans, also when the render is refused for it. No rule of judgement lives here.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from opentelemetry.trace import Span

from kilnmark.engine.families.base import Base
from kilnmark.engine.proof.beside import Beside, Weighed, cancellations, weigh
from kilnmark.engine.proof.effect import Effect
from kilnmark.engine.proof.probe import Probe
from kilnmark.engine.proof.thresholds import THRESHOLDS
from kilnmark.engine.stack.member import Member, member_of
from kilnmark.engine.stack.store import AdapterStore
from kilnmark.engine.trail import Trail
from kilnmark.keymaps.engagement import describe, describe_refusal
from kilnmark.keymaps.errors import ExchangedFile, RefusedFile
from kilnmark.keymaps.files.contents import check_unchanged
from kilnmark.otel import names
from kilnmark.otel.spans import describe_adapter, mark_failed
from kilnmark.protocol.picture.block_scales import unmet
from kilnmark.protocol.picture.catalog import family_of
from kilnmark.protocol.picture.evidence import Evidence
from kilnmark.protocol.picture.groups import group_title
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.picture.verdict import Judged, judge
from kilnmark.protocol.picture.warnings import accusation, warnings_of
from kilnmark.protocol.wire.errors import AdapterNotEngaged, AdapterRefused, RenderFailed
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["Judge", "Judgement"]


class Judgement(NamedTuple):
    """What may be put on the base, in stack order.

    Attributes:
        stack_ratio: Its delta ratio as a whole; None for no stack.
        warnings: One sentence for every adapter that did not engage, or too little or too much, and for all together.
    """

    members: Sequence[Member]
    stack_ratio: float | None
    warnings: Sequence[str]


@dataclass(slots=True)
class _Tried:
    """One adapter under judgement; it has no member where it could not be read, or is `exchanged` for another."""

    name: str
    path: str
    span: Span
    found: Evidence
    member: Member | None
    exchanged: bool = False
    ended: int = field(default_factory=time.time_ns)

    @property
    def judged(self) -> Judged:
        """As far as is known."""
        return judge(self.found, THRESHOLDS)

    @property
    def applied(self) -> Member | None:
        """The member, unless it changes nothing."""
        return self.member if self.judged.is_applied else None

    def learn(self, **found: object) -> None:
        """More evidence."""
        self.found = msgspec.structs.replace(self.found, **found)

    def report(self) -> AdapterReport:
        """Of what is known."""
        if self.member is None:
            return describe_refusal(self.name, self.path, self.found)
        return describe(self.member.adapter, self.found, self.judged, name=self.name)


class Judge:
    """Judges stacks on one base."""

    def __init__(self, base: Base, store: AdapterStore) -> None:
        self._shapes = base.shapes
        self._store = store
        family = family_of(base.variant)
        self._blocks = base.blocks
        self._effect = Effect(base.slots, lambda target: group_title(target, base.variant, family))
        self._probe = Probe(base)

    def judge(self, job: RenderCommand, trail: Trail) -> Judgement:
        """Judge the stack of a job. The trail holds all reports afterwards, whatever comes of it.

        Raises:
            AdapterRefused, AdapterNotEngaged: the job wants its whole stack or nothing, or one of it is not what the
                job was let in with.
        """
        tried: list[_Tried] = []
        try:
            self._read(job, trail, tried)
            self._weigh(tried)
            goes_on = job.on_mismatch == "warn" or all(each.judged.verdict is Verdict.ENGAGED for each in tried)
            if goes_on and self._probe_all(job, trail, tried):
                self._weigh(tried)
        finally:
            _write_down(tried, trail)
        if job.on_mismatch == "error" or any(each.exchanged for each in tried):
            _refuse_unengaged(trail.loras)
        members = [each.applied for each in tried if each.applied is not None]
        ratio = self._effect.stack_ratio(members) if job.lora_paths else None
        return Judgement(members, ratio, warnings_of(trail.loras, THRESHOLDS, ratio))

    def _read(self, job: RenderCommand, trail: Trail, tried: list[_Tried]) -> None:
        scales = zip(job.lora_scales, job.stack_block_scales, strict=True)
        for name, path, sha256, (scale, blocks) in zip(
            job.lora_names, job.lora_paths, job.pinned_loras, scales, strict=True
        ):
            trail.check()
            span = trail.open_span(names.LORA_APPLY)
            try:
                adapter = self._store.get(path, self._shapes)
                check_unchanged(adapter.path, adapter.sha256, sha256)
                member = member_of(adapter, scale, blocks, self._blocks)
                tried.append(_Tried(name, path, span, self._effect.measure(member), member))
                self._effect.sketch(member.adapter)
            except RefusedFile as error:
                found = Evidence(refusal=str(error), scale=scale, block_scales=unmet(blocks))
                tried.append(_Tried(name, path, span, found, None, isinstance(error, ExchangedFile)))
            except Exception as error:
                mark_failed(span, RenderFailed.kind, f"{name}: {error}")
                span.end()
                raise

    def _weigh(self, tried: Sequence[_Tried]) -> None:
        """Find those that undo each other, and what each of the others comes to beside them."""
        for each in tried:
            each.learn(**Beside()._asdict())
        live = [(each, each.applied) for each in tried if each.applied is not None]
        if not live:
            return
        layers = self._effect.products([member for _, member in live])
        groups = cancellations([_weighed(*each) for each in live], layers.total)
        for (each, _), cancelled in zip(live, groups, strict=True):
            each.learn(cancelled=cancelled)
        self._weigh_beside([pair for pair, cancelled in zip(live, groups, strict=True) if cancelled is None])

    def _weigh_beside(self, live: Sequence[tuple[_Tried, Member]]) -> None:
        if not live:
            return
        layers = self._effect.products([member for _, member in live])
        found = weigh([_weighed(*each) for each in live], self._effect.layers(layers.places), layers.products)
        for (each, _), beside in zip(live, found, strict=True):
            each.learn(**beside._asdict())

    def _probe_all(self, job: RenderCommand, trail: Trail, tried: Sequence[_Tried]) -> bool:
        """Whether the probe took one away, so that the others are to be weighed without it."""
        live = [(each, each.applied) for each in tried if each.applied is not None]
        for each, member in live:
            trail.check()
            self._probe_one(each, member, asked=job.probe)
            each.ended = time.time_ns()
        return any(each.applied is None for each, _ in live)

    def _probe_one(self, each: _Tried, member: Member, *, asked: bool) -> None:
        try:
            each.learn(probe_divergence=self._probe.divergence(member, asked=asked))
        except RefusedFile as error:
            each.learn(refusal=str(error))


def _weighed(each: _Tried, member: Member) -> Weighed:
    return Weighed(member.adapter.sha256, each.name, member.scale, member.on_layers is not None)


def _write_down(tried: Sequence[_Tried], trail: Trail) -> None:
    for each in tried:
        report = each.report()
        trail.loras.append(report)
        describe_adapter(each.span, report)
        each.span.end(each.ended)


def _refuse_unengaged(reports: Sequence[AdapterReport]) -> None:
    if accused := [accusation(report) for report in reports if report.verdict is not Verdict.ENGAGED]:
        refused = any(report.verdict is Verdict.REFUSED for report in reports)
        said = f"{len(accused)} of {len(reports)} adapters: {'; '.join(accused)}"
        raise (AdapterRefused if refused else AdapterNotEngaged)(said)
