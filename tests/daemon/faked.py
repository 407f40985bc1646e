"""`python -m tests.daemon.faked SECONDS SETTINGS`: the daemon as a process, whose worker is a fake of that pace a step.

It starts in a fraction of what a worker with a base takes, so that signals, streams and deaths can be tried often.
"""

import sys
import threading
import time

from kilnmark.daemon import main as room
from kilnmark.daemon.worker.fake import FakeWorker

__all__ = ["run"]


def run(pace: float, settings: str) -> int:
    """The daemon's exit status."""
    worker = FakeWorker()
    if pace:
        worker.hold("denoise")
        threading.Thread(target=_step, args=(worker, pace), daemon=True).start()
    vars(room)["WorkerProcess"] = worker
    return room.main([settings])


def _step(worker: FakeWorker, pace: float) -> None:
    """Let what waits make one step, again and again."""
    while True:
        time.sleep(pace)
        worker.hold("denoise")
        worker.go()


if __name__ == "__main__":
    sys.exit(run(float(sys.argv[1]), sys.argv[2]))
