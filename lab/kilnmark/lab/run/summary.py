"""`SUMMARY.md`: a run in one page of plain text, written again whenever a command leaves the run.

What people write below its last line is theirs and stays. Nothing stands in it that the state does not say.
"""

from pathlib import Path
from typing import Final

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.run.next import next_steps
from kilnmark.lab.run.plan import RunPlan
from kilnmark.lab.run.standing import cost_of, last_moment, standing_of
from kilnmark.lab.run.state import Checkpoint, RunState
from kilnmark.protocol.printable import encodable, printable, printable_lines

__all__ = ["NOTES", "SUMMARY", "summary_text", "write_summary"]

SUMMARY: Final = "SUMMARY.md"

NOTES: Final = "<!-- What stands below this line is yours, and stays. -->"


def write_summary(folder: Path, plan: RunPlan, state: RunState) -> None:
    """Write a run's summary over the last one; what people wrote below it stays.

    Raises:
        OSError: It cannot be read or written.
    """
    path = folder / SUMMARY
    with written_whole(path, alone=True) as file:
        file.write(f"{encodable(summary_text(plan, state))}\n{NOTES}\n".encode() + _notes(path))


def summary_text(plan: RunPlan, state: RunState) -> str:
    """A run in Markdown, with commands that are typed in its folder."""
    found = standing_of(plan, state)
    teaches = f"A {plan.kind}" + (f" called by `{_plain(plan.trigger)}`" if plan.trigger else " that is always on")
    lines = [f"# {plan.name}", "", f"{teaches}, for {_plain(plan.base)}.", ""]
    lines += [f"**{found.verdict}** at {found.stage}: {_plain(found.line)}.", ""]
    lines += [f"- {_plain(reason)}" for reason in found.further]
    lines += [""] if found.further else []
    lines += (
        ["Left open by the gate:", "", *(f"- {_plain(one)}" for one in found.left_open), ""] if found.left_open else []
    )
    if state.checkpoints:
        lines += ["| step | from | inspection | keys |", "|---|---|---|---|"]
        lines += [*map(_row, state.checkpoints), ""]
    lines += [f"Cost so far: {cost_of(state):.2f} {_plain(plan.budget.currency)} of {plan.budget.limit:.2f}.", ""]
    lines += [f"Last change: {last_moment(state)}.", "", "## How to continue", "", "In this folder:", ""]
    for step in next_steps(".", plan, state):
        lines += [f"{_sentence(step.why)}:", "", f"    {printable(step.command)}", ""]
    return printable_lines("\n".join(lines))


def _notes(path: Path) -> bytes:
    try:
        return path.read_bytes().partition(f"{NOTES}\n".encode())[2]
    except FileNotFoundError:
        return b""


def _row(one: Checkpoint) -> str:
    keys = f"{one.matched_key_count} of {one.total_key_count}"
    return f"| {one.step} | {_cell(one.origin)} | {_cell(one.verdict)} | {keys} |"


def _sentence(text: str) -> str:
    return _plain(text[:1].upper() + text[1:])


def _plain(text: str) -> str:
    """On one line, and no markup."""
    return printable(text).replace("<", "&lt;")


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")
