"""The adapters of one render, judged before anything is painted: read, measured, weighed as a stack, and probed.

What is found stands in the reports and on the spans, also when the render is refused for it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from opentelemetry.trace import Span

from kilnmark.engine.families.base import Base
from kilnmark.engine.proof.effect import Effect, accuse
from kilnmark.engine.proof.probe import Probe
from kilnmark.engine.proof.thresholds import INVISIBLE_DIVERGENCE, UNCHANGED_DIVERGENCE
from kilnmark.engine.stack.stack import Member
from kilnmark.engine.stack.store import AdapterStore
from kilnmark.engine.trail import Trail
from kilnmark.keymaps.engagement import describe_refusal
from kilnmark.keymaps.errors import RefusedFile
from kilnmark.otel import names
from kilnmark.otel.spans import describe_adapter, mark_failed
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.errors import AdapterNotEngaged, AdapterRefused, RenderFailed
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["Judge", "Judgement", "warnings_of"]

_APPLIED = (Verdict.ENGAGED, Verdict.PARTIAL)


class Judgement(NamedTuple):
    """What may be put on the base, in stack order, and its delta ratio as a whole; None for no stack."""

    members: Sequence[Member]
    stack_ratio: float | None


@dataclass(slots=True)
class _Tried:
    """One adapter under judgement."""

    report: AdapterReport
    member: Member | None
    span: Span
    ended: int = field(default_factory=time.time_ns)

    @property
    def applied(self) -> Member | None:
        """The member, unless it changes nothing."""
        return self.member if self.report.verdict in _APPLIED else None


class Judge:
    """Judges stacks on one base."""

    def __init__(self, base: Base, store: AdapterStore) -> None:
        self._shapes = base.shapes
        self._store = store
        self._effect = Effect(base.slots)
        self._probe = Probe(base)

    def judge(self, job: RenderCommand, trail: Trail) -> Judgement:
        """Judge the stack of a job. The trail holds all reports afterwards, whatever comes of it.

        Raises:
            AdapterRefused, AdapterNotEngaged: the job wants its whole stack or nothing.
        """
        tried: list[_Tried] = []
        try:
            self._read(job, trail, tried)
            self._weigh(tried)
            if job.on_mismatch == "warn" or not _accused(tried):
                self._probe_all(job, trail, tried)
        finally:
            for each in tried:
                trail.loras.append(each.report)
                describe_adapter(each.span, each.report)
                each.span.end(each.ended)
        if job.on_mismatch == "error":
            _refuse_unengaged(trail.loras)
        members = [each.applied for each in tried if each.applied is not None]
        return Judgement(members, self._effect.stack_ratio(members) if job.lora_paths else None)

    def _read(self, job: RenderCommand, trail: Trail, tried: list[_Tried]) -> None:
        for name, path, scale in zip(job.lora_names, job.lora_paths, job.lora_scales, strict=True):
            trail.check()
            span = trail.open_span(names.LORA_APPLY)
            try:
                member = Member(self._store.get(path, self._shapes), scale)
                report = self._effect.assess(member.adapter, name, scale)
                tried.append(_Tried(report, member, span))
            except RefusedFile as error:
                tried.append(_Tried(describe_refusal(name, path, scale, error), None, span))
            except Exception as error:
                mark_failed(span, RenderFailed.kind, f"{name}: {error}")
                span.end()
                raise

    def _weigh(self, tried: Sequence[_Tried]) -> None:
        """Accuse those that undo each other."""
        for group in self._effect.cancelling([each.applied for each in tried if each.applied is not None]):
            reports = accuse([each.report for each in tried], group)
            for each, report in zip(tried, reports, strict=True):
                each.report = report

    def _probe_all(self, job: RenderCommand, trail: Trail, tried: Sequence[_Tried]) -> None:
        for each in tried:
            if each.applied is not None:
                trail.check()
                each.report = self._probed(each.report, each.applied, asked=job.probe)
                each.ended = time.time_ns()

    def _probed(self, report: AdapterReport, member: Member, *, asked: bool) -> AdapterReport:
        try:
            divergence = self._probe.divergence(member, asked=asked)
        except RefusedFile as error:
            return msgspec.structs.replace(report, applied_target_count=0, verdict=Verdict.REFUSED, reason=str(error))
        if divergence is not None and divergence < UNCHANGED_DIVERGENCE:
            reason = f"a forward pass with it differs by {divergence:.1e} from one without, which is nothing"
            mend = "raise the scale, or train it again"
            report = msgspec.structs.replace(
                report, applied_target_count=0, verdict=Verdict.NOOP, reason=f"{reason}; {mend}"
            )
        return msgspec.structs.replace(report, probe_divergence=divergence)


def _accused(tried: Sequence[_Tried]) -> bool:
    return any(each.report.verdict is not Verdict.ENGAGED for each in tried)


def _refuse_unengaged(reports: Sequence[AdapterReport]) -> None:
    if accused := [_accusation(report) for report in reports if report.verdict is not Verdict.ENGAGED]:
        refused = any(report.verdict is Verdict.REFUSED for report in reports)
        said = f"{len(accused)} of {len(reports)} adapters: {'; '.join(accused)}"
        raise (AdapterRefused if refused else AdapterNotEngaged)(said)


def _accusation(report: AdapterReport) -> str:
    return f"{report.name} is {report.verdict}: {report.reason}"


def warnings_of(reports: Sequence[AdapterReport]) -> list[str]:
    """One sentence for every adapter that did not engage, or engaged too little to be seen."""
    return [said for report in reports if (said := _warning(report))]


def _warning(report: AdapterReport) -> str:
    if report.verdict is not Verdict.ENGAGED:
        return _accusation(report)
    if report.probe_divergence is not None and report.probe_divergence < INVISIBLE_DIVERGENCE:
        return (
            f"{report.name} is engaged, but a forward pass differs by {report.probe_divergence:.1e} only, "
            "which nobody will see; raise its scale"
        )
    return ""
