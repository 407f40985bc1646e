"""The journal: how the daemon that has it open finds it, or what one would make of it at its start."""

import os
from collections.abc import Iterator
from pathlib import Path

from kilnmark.client.cli.doctor.folders import place_to_write
from kilnmark.client.cli.doctor.observation import Observation, fault, ok, warning
from kilnmark.client.cli.doctor.patient import Patient, Unasked
from kilnmark.protocol.wire.status import JournalInfo

__all__ = ["look_at_journal"]

_NONE = "there is none: accepted renders end with the daemon"


def look_at_journal(patient: Patient) -> Iterator[Observation]:
    """Its health, and its disk."""
    if patient.status is not None:
        yield from _told(patient.status.journal)
    elif patient.settings is not None and patient.can_serve:
        path = patient.settings.journal
        if path is None:
            yield ok("journal", _NONE)
            return
        yield from place_to_write("journal", path.parent, "--journal")
        if os.path.lexists(path) and patient.is_alone:
            yield from _examined(patient, path)


def _told(journal: JournalInfo | None) -> Iterator[Observation]:
    if journal is None:
        yield ok("journal", _NONE)
        return
    if journal.problem is not None:
        yield fault("journal", f"{journal.path} cannot be written: {journal.problem}", "mend that, and it goes on")
    else:
        yield ok("journal", journal.path)
    if journal.moved_aside is not None:
        found = f"it was damaged when the daemon was started; what it was then is in {journal.moved_aside}"
        yield warning("journal", found, "look at the disk; remove that file once nobody misses a job")
    yield from place_to_write("journal", Path(journal.path).parent, "--journal")


def _examined(patient: Patient, path: Path) -> Iterator[Observation]:
    found = patient.journal(path)
    if isinstance(found, Unasked):
        yield warning("journal", f"{path} could not be examined: {found.reason}", "start the daemon: it says why")
    elif found.problem is not None:
        yield fault("journal", found.problem, "until then no daemon starts with it")
    elif found.is_damaged:
        told = f"{path} is damaged; {found.open_jobs} open jobs can be read of it"
        yield warning("journal", told, "start the daemon: it moves the file aside and goes on with those")
    else:
        kept = f"{found.open_jobs} open jobs for the next daemon, {found.ended_jobs} ended ones"
        yield ok("journal", f"{path} is sound: {kept}")
