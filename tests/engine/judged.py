"""Adapters judged on a base, without a job: measured, weighed as a stack, and described."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from kilnmark.engine.proof.beside import Beside, Weighed, cancellations, weigh
from kilnmark.engine.proof.effect import Effect
from kilnmark.engine.proof.measured import Measured
from kilnmark.engine.proof.overlaps import Overlaps
from kilnmark.engine.proof.thresholds import THRESHOLDS
from kilnmark.engine.stack.slots import Slot
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.engagement import describe
from kilnmark.protocol.picture.beside import Cancellation
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.picture.verdict import judge


def assess(slots: Mapping[str, Slot], adapter: Adapter, scale: float = 1.0) -> AdapterReport:
    """By itself."""
    return assess_member(slots, Member(adapter, scale))


def assess_member(slots: Mapping[str, Slot], member: Member) -> AdapterReport:
    """By itself, at its scales."""
    found = Effect(slots).measure(member)
    return describe(member.adapter, found, judge(found, THRESHOLDS))


def cancelled(slots: Mapping[str, Slot], members: Sequence[Member]) -> list[Cancellation | None]:
    """What each member is cancelled by."""
    return cancellations(stack_of(members), Effect(slots).products(members).total)


def beside(slots: Mapping[str, Slot], members: Sequence[Member]) -> list[Beside]:
    """What each member comes to beside the others."""
    effect = Effect(slots)
    layers = effect.products(members)
    return weigh(stack_of(members), effect.layers(layers.places), layers.products)


def overlap(slot: Slot, one: Adapter, other: Adapter) -> float:
    """The inner product of two adapters that change this layer alone."""
    place, cells = np.array([0]), np.ones((1, 2, 2), dtype=bool)
    measured = [Measured(each, place, np.ones(1)) for each in (one, other)]
    return float(Overlaps({slot.path: slot}).of(measured, place, cells, wide=False)[0, 0, 1])


def stack_of(members: Sequence[Member]) -> list[Weighed]:
    """As the judge weighs it, each under its file's name."""
    return [
        Weighed(member.adapter.sha256, member.adapter.name, member.scale, member.on_layers is not None)
        for member in members
    ]


def weighed(slots: Mapping[str, Slot], members: Sequence[Member]) -> list[AdapterReport]:
    """One by one, and as a stack."""
    effect, reports = Effect(slots), []
    for member, group, found in zip(members, cancelled(slots, members), beside(slots, members), strict=True):
        learnt = msgspec.structs.replace(effect.measure(member), cancelled=group, **found._asdict())
        reports.append(describe(member.adapter, learnt, judge(learnt, THRESHOLDS)))
    return reports
