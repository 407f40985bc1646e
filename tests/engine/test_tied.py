"""A worker dies with its daemon whatever it is doing, and is the first to go where memory is short."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kilnmark.engine.tied import OOM_SCORE, tie_to_daemon
from tests.daemon.conftest import wait_until_gone

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asked of Linux's kernel")

TIED = Path(tie_to_daemon.__code__.co_filename)
"""Run by itself, since it is what comes before everything else."""

WORKER = f"""
import os, runpy, signal, sys
problems = runpy.run_path({str(TIED)!r})["tie_to_daemon"]()
print(os.getpid(), open("/proc/self/oom_score_adj").read().strip(), problems, flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
"""
DAEMON = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WORKER!r}])"


def test_a_stopped_worker_does_not_outlive_its_daemon_and_goes_first() -> None:
    with subprocess.Popen([sys.executable, "-c", DAEMON], stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        pid, score, problems = daemon.stdout.readline().split(maxsplit=2)
        daemon.send_signal(signal.SIGKILL)
    assert (int(score), problems.strip()) == (OOM_SCORE, "[]")
    wait_until_gone(int(pid))
    assert int(pid) != os.getpid()
