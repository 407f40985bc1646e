"""What the doctor found, as people read it: a line each, and below it what to do."""

from rich.console import Console
from rich.text import Text

from kilnmark.client.cli.doctor.observation import DoctorDocument, Health
from kilnmark.client.cli.views.tables import plain

__all__ = ["show_doctor"]

_COLOURS = {Health.OK: "green", Health.WARNING: "bold yellow", Health.FAULT: "bold red"}


def show_doctor(out: Console, document: DoctorDocument) -> None:
    """Every observation, then how many there are to be seen to."""
    states = max(len(health) for health in Health) + 2
    width = max(len(each.about) for each in document.observations) + 2
    for each in document.observations:
        line = Text.assemble((each.health.ljust(states), _COLOURS[each.health]), (each.about.ljust(width), "bold"))
        out.print(line + plain(each.found), soft_wrap=True)
        if each.mend:
            out.print(plain(f"{'':{states + width}}-> {each.mend}", "dim"), soft_wrap=True)
    out.print()
    out.print(_summary(document), soft_wrap=True)


def _summary(document: DoctorDocument) -> str:
    healths = [each.health for each in document.observations]
    parts = [
        f"{count} {word}" if count == 1 else f"{count} {word}s"
        for word, count in (("fault", healths.count(Health.FAULT)), ("warning", healths.count(Health.WARNING)))
        if count
    ]
    return ", ".join(parts) or "nothing to mend"
