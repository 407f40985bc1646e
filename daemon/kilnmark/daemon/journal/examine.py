"""`python -m kilnmark.daemon.journal.examine PATH`: what a daemon would make of a journal at its start.

It is started on a copy, as a daemon would be: the file itself is neither locked nor mended. A daemon that has it open
is asked itself.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import msgspec

from kilnmark.daemon.jobs.state import QueueState
from kilnmark.daemon.journal.file import files_of, require_regular
from kilnmark.daemon.journal.opening import open_journal
from kilnmark.daemon.journal.schema import JournalUnusable
from kilnmark.protocol.wire.examined import JournalExamined

__all__ = ["examine_journal"]


def examine_journal(path: Path) -> JournalExamined:
    """What would become of it.

    Raises:
        OSError: it cannot be read, or there is no room for a copy.
    """
    try:
        require_regular(path, path.lstat())
    except JournalUnusable as error:
        return JournalExamined(problem=str(error))
    with tempfile.TemporaryDirectory(prefix="kilnmark-journal-") as folder:
        copy = Path(folder) / path.name
        for file, copied in zip(files_of(path), files_of(copy), strict=True):
            if file.exists() and not file.name.endswith("-shm"):
                shutil.copyfile(file, copied)
        try:
            opened = open_journal(copy)
        except JournalUnusable as error:
            return JournalExamined(problem=str(error).replace(str(copy), str(path)))
        opened.file.close()
        state = QueueState.of(opened.events)
        return JournalExamined(
            open_jobs=state.open_count, ended_jobs=len(state.ended_jobs), is_damaged=opened.moved_aside is not None
        )


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(examine_journal(Path(sys.argv[1]))).decode() + "\n")
