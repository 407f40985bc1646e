"""The adapter files of planned stacks, each read once for each model it is meant for, without a daemon or a base.

What one is, `keymaps` says; here is only told which of them would not engage, and who asks for each.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kilnmark.client.batch.plan.adapters import PlannedAdapter
from kilnmark.protocol.content.problems import Problem
from kilnmark.protocol.picture.catalog import row_of
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.inspection import Inspection

__all__ = ["InspectedAdapter", "inspect_adapters"]


@dataclass(frozen=True, slots=True)
class InspectedAdapter:
    """One file, for one model.

    Attributes:
        name: What the first document that asks for it calls it.
        variant: The model.
        inspection: What it is for that, at scale 1.
        asked: Where it is asked for, and why it would not engage there; of a sound file, places that ask for scale 0.
    """

    name: str
    variant: str
    inspection: Inspection
    asked: tuple[Problem, ...]

    @property
    def is_dead(self) -> bool:
        """It would not engage wholly, or not somewhere."""
        return self.inspection.verdict is not Verdict.ENGAGED or bool(self.asked)


def inspect_adapters(
    planned: Iterable[tuple[str, PlannedAdapter]], on_read: Callable[[str], None] | None = None
) -> Sequence[InspectedAdapter]:
    """What each file is for each model that it is planned for, in the order of the first place that asks.

    Args:
        planned: Models, each with an adapter of a stack that is painted on it.
        on_read: Called with the path of each file before it is read.
    """
    from kilnmark.keymaps.inspection import inspect_file
    from kilnmark.keymaps.names.shapes import load_shapes

    asking: dict[tuple[str, str], list[PlannedAdapter]] = {}
    for variant, adapter in planned:
        asking.setdefault((variant, adapter.path), []).append(adapter)
    found = []
    for (variant, path), adapters in asking.items():
        if on_read is not None:
            on_read(path)
        inspection = inspect_file(path, load_shapes(variant)).inspection
        places = dict.fromkeys(filter(None, (_objection(each, variant, inspection) for each in adapters)))
        found.append(InspectedAdapter(adapters[0].name, variant, inspection, tuple(places)))
    return found


def _objection(adapter: PlannedAdapter, variant: str, inspection: Inspection) -> Problem | None:
    """Why it would not engage where it is asked for; None where it would."""
    from kilnmark.keymaps.inspection import silenced

    said = silenced(inspection, adapter.scale, dict(adapter.scales), row_of(variant))
    if inspection.verdict is not Verdict.ENGAGED:
        said = f"is {inspection.verdict} on {variant}: {inspection.reason}"
    if not said:
        return None
    assert adapter.file_problem is not None  # noqa: S101 - who plans an adapter knows who names it
    return adapter.file_problem(said)
