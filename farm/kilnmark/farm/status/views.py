"""How a farm is, as people read it."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from kilnmark.client.cli.doctor.engine import gigabytes
from kilnmark.client.cli.views.batch import counted
from kilnmark.client.cli.views.batch_bar import time_words
from kilnmark.client.cli.views.tables import print_facts
from kilnmark.farm.status.documents import FarmStatus, NodeRefusal, NodeStatus, SubmissionStatus, WaitingWork

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["show_farm"]

_SHOWN = 12
"""Submissions, and kinds of work, that people see; the document has all."""
_FULL = "its disk is full, and it takes nothing until somebody frees some, nor what nodes say of themselves"


def show_farm(out: "Console", status: FarmStatus) -> None:
    """Nodes, work, submissions, and what needs somebody."""
    rows = [
        ("farm", f"{status.address}, at {status.at}"),
        *([("broker", _FULL)] if status.is_full else []),
        ("jobs", _jobs(status)),
        ("rate", _rate(status)),
        ("switches", f"{status.switches} at all nodes, for {counted(status.stacks, 'stack')}"),
        ("files", f"{status.content_files} that jobs need{_in_brackets(status.content_bytes)}"),
        *_nodes(status.nodes),
        *_work(status.work),
        *_submissions(status.submissions),
        *_dead(status),
    ]
    print_facts(out, rows)


def _jobs(status: FarmStatus) -> str:
    ended = ("done", "failed", "dead", "cancelled")
    parts = [f"{status.waiting} wait", f"{status.running} at nodes"]
    return ", ".join([*parts, *(f"{count} {name}" for name in ended if (count := getattr(status, name)))])


def _rate(status: FarmStatus) -> str:
    if status.a_minute is None:
        return "no picture in the last ten minutes"
    left = f", {time_words(status.left_s)} left" if status.left_s else ""
    return f"{status.a_minute:g} pictures a minute{left}"


def _nodes(nodes: Sequence[NodeStatus]) -> Iterable[tuple[str, str]]:
    versions = {node.version for node in nodes}
    for node in nodes:
        version = f", of kilnmark {node.version}" if len(versions) > 1 else ""
        gone = "" if node.state not in {"lost", "left"} else f" {time_words(node.seen_s)} ago"
        problem = (f" ({node.problem})" if node.problem else "") + version
        bases = ", ".join(f"{each.variant}{'' if gone else _in_brackets(each.bytes, each.held)}" for each in node.bases)
        room = f"; {gigabytes(node.base_bytes)} for bases" if node.base_bytes else ""
        stack = f"; on {' + '.join(node.stack)}" if node.stack else ""
        counts = f"{node.done} done, {node.failed} failed, {counted(node.switches, 'change')} of stack"
        dead = f", {counted(node.adapters_dead, 'adapter')} dead" if node.adapters_dead else ""
        yield "node", f"{node.name}: {node.state}{gone}{problem}; {bases or 'no base'}{room}{stack}; {counts}{dead}"
        for each in node.refused:
            yield "refuses", f"{node.name}: {_what(each)}: {each.why}"
    if not nodes:
        yield "node", "none has joined; say `kilnmark farm work` on a machine whose daemon paints"


def _what(refused: NodeRefusal) -> str:
    """The work that is meant."""
    if refused.stack is None:
        return f"all of {refused.variant}"
    return f"{' + '.join(refused.stack) or 'no adapters'} on {refused.variant}"


def _in_brackets(count: int, is_held: bool = False) -> str:  # noqa: FBT001, FBT002 - `held` is what it says
    """What something takes, where it is known."""
    said = " ".join([*(["held"] if is_held else []), *([gigabytes(count)] if count else [])])
    return f" ({said})" if said else ""


def _work(work: list[WaitingWork]) -> Iterable[tuple[str, str]]:
    for each in work[:_SHOWN]:
        why = f"; {each.why}" if each.why else ""
        stack = " + ".join(each.stack) or "no adapters"
        counts = f"{each.waiting} wait, {each.running} at nodes"
        yield "work", f"{each.variant}, {stack}, {each.priority}: {counts}{why}"
    if len(work) > _SHOWN:
        yield "work", f"and {len(work) - _SHOWN} kinds more; --json has all"


def _submissions(submissions: list[SubmissionStatus]) -> Iterable[tuple[str, str]]:
    for each in submissions[:_SHOWN]:
        ended = ", ".join(
            f"{count} {name}" for name in ("done", "failed", "dead", "cancelled") if (count := getattr(each, name))
        )
        rest = f"{each.open} of {each.jobs} to come" if each.open else f"all {each.jobs} ended"
        yield (
            "submission",
            f"{each.submission}, {each.what or 'work'} of {each.submitter}: {rest}; {ended or 'none ended'}",
        )
    if len(submissions) > _SHOWN:
        yield "submission", f"and {counted(len(submissions) - _SHOWN, 'older one')}; --json has all"


def _dead(status: FarmStatus) -> Iterable[tuple[str, str]]:
    for each in status.dead_adapters:
        failed = [f"{counted(each.jobs, 'job')} failed by it"] if each.jobs else []
        painted = [f"{counted(each.painted, 'picture')} made for all that"] if each.painted else []
        yield "adapter", f"{each.name} is {each.verdict}, {', '.join(failed + painted)}: {each.reason}"
    if status.dead:
        yield "dead", f"{counted(status.dead, 'job')} that no node could finish; `kilnmark farm dead` tells why"
