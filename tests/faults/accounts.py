"""What was lost and what was done twice, by the journal and by what callers got. Nothing is injected here."""

from collections.abc import Sequence
from pathlib import Path

from kilnmark.daemon.jobs.events import JobAccepted, JobEnded, JobEvent, RenderBegun, decode_event
from kilnmark.daemon.journal.file import JournalFile
from tests.faults.callers import Got

__all__ = ["done_twice", "events_in", "lost"]


def done_twice(events: Sequence[JobEvent]) -> list[str]:
    """Jobs that ended twice, or were begun again after they had ended, without having been asked for anew."""
    over: set[str] = set()
    twice = []
    for event in events:
        match event:
            case JobAccepted():
                over.discard(event.job_id)
            case JobEnded():
                twice += [event.job_id] * (event.job_id in over)
                over.add(event.job_id)
            case RenderBegun():
                twice += sorted(over & set(event.job_ids))
            case _:
                pass
    return twice


def events_in(path: Path) -> list[JobEvent]:
    file = JournalFile(path)
    try:
        return [decode_event(document) for document in file.documents()]
    finally:
        file.close()


def lost(got: Sequence[Got], events: Sequence[JobEvent]) -> list[str]:
    """Whoever has no picture, and every job that was taken in and has not ended with one."""
    ended = {event.job_id for event in events if isinstance(event, JobEnded) and event.result is not None}
    accepted = {event.job_id for event in events if isinstance(event, JobAccepted)}
    without = [f"{each.who}: {each.prompt}: {each.problem or 'another picture'}" for each in got]
    return [*(w for w, each in zip(without, got, strict=True) if not each.is_its_picture), *sorted(accepted - ended)]
