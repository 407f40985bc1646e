"""Figures of an adapter that nothing is wrong with, and the report on it."""

from typing import Any

import msgspec

from kilnmark.lab.gate.checks import checked
from kilnmark.lab.gate.figures import GateFigures
from kilnmark.lab.gate.limits import limits_of
from kilnmark.lab.gate.report import GateReport
from kilnmark.lab.run.state import Outcome

__all__ = ["HEALTHY", "report_of", "with_figures"]

HEALTHY = GateFigures(
    keys=1.0,
    layers=1.0,
    rank=8.0,
    ratio=0.2,
    loudest=0.1,
    unlike=0.5,
    kept=0.6,
    strange=0.0,
    trigger_control=0.5,
    trigger_nonsense=0.5,
    fires=10.0,
    towards=0.9,
    memorised=1.0,
    left=1.0,
    paints=0.6,
    undone=0.0,
)


def with_figures(**changed: Any) -> GateFigures:
    """The same with others in their place."""
    return msgspec.structs.replace(HEALTHY, **changed)


def report_of(outcome: Outcome) -> GateReport:
    """As the gate would write it."""
    limits = limits_of("style")
    return GateReport(
        at="2026-11-28T00:00:00+00:00",
        kilnmark="1",
        name="ink <b>",
        sha256="ab" * 32,
        kind="style",
        trigger="inkwash",
        base="mini",
        scale=1.0,
        genre=None,
        limits=limits.name,
        outcome=outcome,
        reasons=() if outcome is Outcome.PASSED else ("its pictures are wreckage",),
        checks=checked(HEALTHY, limits),
        figures=HEALTHY,
        notes=(),
        inspection="engaged: all of it",
        convention="diffusers",
        adapter_kind="lora",
        strength_from={"default": 8},
        layers=(),
    )
