"""For every test: the engine's room comes first, so that its fast BLAS is in the process before anything brings mlx.

Tests run side by side and every daemon has a process of its own: with more than one thread each, BLAS would spend the
cores on waiting.
"""

import fcntl
import gc
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, partial
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


@pytest.fixture(scope="session", autouse=True)
def _homes_in_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Homes of daemons, which have journals, are made by `tempfile`; where pytest has its folders is settled before."""
    tmp_path_factory.getbasetemp()
    before, tempfile.tempdir = tempfile.tempdir, os.environ.get(MEMORY) or tempfile.tempdir
    yield
    tempfile.tempdir = before


@pytest.fixture(scope="module")
def around_tmp_paths(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the folders of a module's tests are: memory, where their files would be synced to a disk."""
    memory = os.environ.get(MEMORY)
    return Path(memory) if memory and room_of(request.node.nodeid) in SYNCING else tmp_path_factory.getbasetemp()


@pytest.fixture
def tmp_path(around_tmp_paths: Path) -> Iterator[Path]:
    """A folder of the test's own, by its number: pytest's is found by the test's name, for most of a millisecond.

    It goes with its test where it takes memory, which would go with the run in any case.
    """
    path = around_tmp_paths / f"test-{os.getpid()}-{next(_FOLDERS)}"
    path.mkdir(mode=0o700)
    yield path
    if str(around_tmp_paths) == os.environ.get(MEMORY):
        shutil.rmtree(path, ignore_errors=True)


SYNCING = frozenset({"client", "daemon", "farm", "keymaps", "lab", "packs", "web"})
"""Rooms whose tests write small files and have each of them synced: 20,000 in all, each of which waits for a disk."""

MEMORY_WANTED = 4 << 30
"""Bytes that must be free there; what tests have there at a time is less than a quarter of it."""

JUST_MADE = 60.0
"""Seconds for which a folder may be that of a run that has not said yet that it is its own."""

MEMORY = "TESTS_MEMORY"
"""Where this run's folder is whose files cost no disk. It goes with the run; one with `--basetemp` has none."""


LONG = ("acceptance", "recorded", "trust", "house", "engine", "keymaps", "daemon", "lab", "client", "otel")
"""Rooms whose files take long, in the order in which they are run; the others have none over seconds."""


def pytest_configure(config: pytest.Config) -> None:
    """Workers take file after file: the order is ours, not the number of tests, which says little of the time.

    A daemon that a test starts by `kilnmark serve` keeps its jobs in a folder that goes with the run.
    """
    config.option.loadscopereorder = False
    state = tempfile.TemporaryDirectory(prefix="kiln-state-", ignore_cleanup_errors=True)
    config.add_cleanup(state.cleanup)
    os.environ["XDG_STATE_HOME"] = state.name
    _write_to_memory(config)
    _begin_at_other_ends(config)


def _write_to_memory(config: pytest.Config) -> None:
    """Workers write where the run that began them says; one that is told where to write keeps to that."""
    if hasattr(config, "workerinput"):
        return
    os.environ.pop(MEMORY, None)
    if config.option.basetemp is not None or not os.access("/dev/shm", os.W_OK):
        return
    found = os.statvfs("/dev/shm")
    if found.f_frsize * found.f_bavail < MEMORY_WANTED or found.f_flag & os.ST_NOEXEC:  # tests run what they write
        return
    for left in Path("/dev/shm").glob("kiln-tests-*"):
        with suppress(OSError):  # it is a run's that goes on, or another user's
            os.close(_held(left))
            if time.time() - left.stat().st_mtime > JUST_MADE:
                shutil.rmtree(left)
    folder = tempfile.TemporaryDirectory(prefix="kiln-tests-", dir="/dev/shm", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    config.add_cleanup(partial(os.close, _held(Path(folder.name))))
    Path(folder.name).chmod(0o711)  # what is in it is closed to others, or open to them, by itself
    os.environ[MEMORY] = folder.name


def _held(folder: Path) -> int:
    """A descriptor by which a folder is this process's until it is closed; an OSError where it is another's."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


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
    room = room_of(nodeid)
    return LONG.index(room) if room in LONG else len(LONG), nodeid.partition("::")[0]


def room_of(nodeid: str) -> str:
    return nodeid.split("/")[1]


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
