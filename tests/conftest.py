"""For every test: the engine's room comes first, so that its fast BLAS is in the process before anything brings mlx.

Tests run side by side and every daemon has a process of its own: with more than one thread each, BLAS would spend the
cores on waiting.
"""

import gc
import os
import signal
import sys
import tempfile
from functools import cache
from itertools import count
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Where Python is told to keep no bytecode, each of the processes that tests start would compile all it imports again,
# which is a third of the run.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import hypothesis
import pytest
from _pytest.runner import runtestprotocol
from pluggy import HookCaller

import kilnmark.engine as kilnmark_engine

__all__ = ["kilnmark_engine"]

sys.dont_write_bytecode = False

# A run that a shell put into the background ignores Ctrl-C, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("kilnmark", deadline=None)
hypothesis.settings.load_profile("kilnmark")

# Four thousand collected tests and the libraries under them are there to the end: looked through for garbage again and
# again, they would take a tenth of the run.
gc.disable()


_FOLDERS = count()


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the test's own, by its number: pytest's is found by the test's name, for most of a millisecond."""
    path = tmp_path_factory.getbasetemp() / f"test-{next(_FOLDERS)}"
    path.mkdir(mode=0o700)
    return path


LONG = ("acceptance", "recorded", "trust", "house", "engine", "keymaps", "daemon", "lab", "client", "otel")
"""Rooms whose files take long, in the order in which they are run; the others have none over seconds."""


def pytest_configure(config: pytest.Config) -> None:
    """Two workers take file after file: the order is ours, not the number of tests, which says little of the time.

    A daemon that a test starts by `kilnmark serve` keeps its jobs in a folder that goes with the run.
    """
    config.option.loadscopereorder = False
    state = tempfile.TemporaryDirectory(prefix="kiln-state-", ignore_cleanup_errors=True)
    config.add_cleanup(state.cleanup)
    os.environ["XDG_STATE_HOME"] = state.name
    _begin_at_other_ends(config)


def _begin_at_other_ends(config: pytest.Config) -> None:
    """Every second worker collects the rooms from the last to the first.

    Where nothing is compiled yet, two that went the same way would compile each file twice, at the same time.
    """
    worker = getattr(config, "workerinput", {}).get("workerid", "gw0")
    tests = Path(__file__).parent
    if int(worker.removeprefix("gw")) % 2 and [Path(arg).resolve() for arg in config.args] == [tests]:
        config.args = [
            str(room) for room in sorted(tests.iterdir(), reverse=True) if next(room.rglob("test_*.py"), None)
        ]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long rooms first, so that at the end no worker waits for another's long file; the same order for every worker."""
    items.sort(key=lambda item: _turn(item.nodeid))


def _turn(nodeid: str) -> tuple[int, str]:
    room = nodeid.split("/")[1]
    return LONG.index(room) if room in LONG else len(LONG), nodeid.partition("::")[0]


def pytest_collection_finish() -> None:
    """What is there by now stays; what tests make is looked through more rarely than in a small program."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


TOLD_FROM = 1.0
"""Seconds from which on a part of a test is told of that only passed; those of `--durations-min`."""


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """A worker tells of a test what somebody will read: that it began and that its set-up passed, nobody does.

    Each message is a third of a millisecond for it and for who hears it, which for eight thousand tests is seconds; and
    so is the worker's own screen, which nobody sees. A test that passed is told without its key words: only those of
    one that was skipped are read.
    """
    if not hasattr(item.config, "workerinput") or item.config.option.verbose > 0:
        return None
    told = [report for report in runtestprotocol(item, log=False, nextitem=nextitem) if _is_read(report)]
    for report in told:
        if report.passed:
            report.keywords = {}
        _tell(item.config)(report=report)
    return True


def _is_read(report: pytest.TestReport) -> bool:
    return report.when == "call" or not report.passed or report.duration >= TOLD_FROM


@cache
def _tell(config: pytest.Config) -> HookCaller:
    """All that hear of reports, but the screen."""
    plugins = config.pluginmanager
    return plugins.subset_hook_caller("pytest_runtest_logreport", [plugins.getplugin("terminalreporter")])
