"""Adapters judged on a base, without a job: measured, weighed as a stack, and described."""

from collections.abc import Mapping, Sequence

import msgspec

from kilnmark.engine.proof.effect import Effect
from kilnmark.engine.proof.thresholds import CANCELLING_SHARE, THRESHOLDS
from kilnmark.engine.stack.slots import Slot
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.engagement import describe
from kilnmark.protocol.picture.beside import Cancellation
from kilnmark.protocol.picture.cancelling import Weighed, cancellations
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.picture.verdict import judge


def assess(slots: Mapping[str, Slot], adapter: Adapter, scale: float = 1.0) -> AdapterReport:
    """By itself."""
    found = Effect(slots).measure(Member(adapter, scale))
    return describe(adapter, found, judge(found, THRESHOLDS))


def cancelled(slots: Mapping[str, Slot], members: Sequence[Member]) -> list[Cancellation | None]:
    """What each member is cancelled by."""
    stack = [Weighed(member.adapter.sha256, member.adapter.name, member.scale) for member in members]
    return cancellations(stack, Effect(slots).products(members), CANCELLING_SHARE)


def weighed(slots: Mapping[str, Slot], members: Sequence[Member]) -> list[AdapterReport]:
    """One by one, and as a stack."""
    effect, reports = Effect(slots), []
    for member, group in zip(members, cancelled(slots, members), strict=True):
        found = msgspec.structs.replace(effect.measure(member), cancelled=group)
        reports.append(describe(member.adapter, found, judge(found, THRESHOLDS)))
    return reports
