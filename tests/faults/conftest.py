"""What a test of this room has to say: the fault it injects, what is promised then, and what it measured.

Each becomes a line of the run's file, and a row of `docs/faults.md`, whether or not the promise was kept. A test that
says less is broken.
"""

import os
import platform
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.benchmarks.figures import Fault, Headline, Platform, tell
from tests.faults.forked import end_all

__all__ = ["Found"]

MARK = "faults"


class Found:
    """What a test measured, put together to one sentence."""

    def __init__(self) -> None:
        self._words: list[str] = []

    def __call__(self, words: str) -> None:
        self._words.append(words)

    def headline(self, name: str, value: float) -> None:
        """One of the numbers that a run is asked for by name."""
        tell(Headline(name=name, value=value))

    def __str__(self) -> str:
        """All of it."""
        return "; ".join(self._words)


_FOUND = pytest.StashKey[Found]()


@pytest.fixture
def found(request: pytest.FixtureRequest) -> Found:
    return request.node.stash.setdefault(_FOUND, Found())  # type: ignore[no-any-return]  # nodes are not typed


@pytest.fixture
def home() -> Iterator[Path]:
    """A private directory with a path short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="kiln-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left() -> Iterator[None]:
    facts = {
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
    }
    tell(Platform(facts=facts))
    yield
    end_all()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A test that measured nothing shows nothing."""
    result = yield
    if pyfuncitem.get_closest_marker(MARK) is not None:
        assert str(pyfuncitem.stash.get(_FOUND, Found())), "it says of nothing what it measured"
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """One line a fault, told when its test has ended; one whose set-up failed was not kept either."""
    report = yield
    mark = item.get_closest_marker(MARK)
    if mark is not None and (report.when == "call" or (report.when == "setup" and not report.passed)):
        what, promised = mark.args
        tell(
            Fault(
                theme=item.path.stem.removeprefix("test_"),
                what=what.format(**_parameters(item)),
                promised=promised.format(**_parameters(item)),
                found=str(item.stash.get(_FOUND, Found())) if report.passed else _broken(report, item),
                kept=report.passed,
            )
        )
    return report


def _parameters(item: pytest.Item) -> dict[str, object]:
    return {"id": item.callspec.id, **item.callspec.params} if hasattr(item, "callspec") else {}


def _broken(report: pytest.TestReport, item: pytest.Item) -> str:
    """The last line of what went wrong, after what had been found by then."""
    crash = getattr(report.longrepr, "reprcrash", None)
    message = crash.message.splitlines()[0] if crash is not None else report.outcome
    return "; ".join(word for word in (str(item.stash.get(_FOUND, Found())), message) if word)


def load_seconds() -> float:
    """How long the load lasts: `LOAD_SECONDS`, or a short while."""
    return float(os.environ.get("LOAD_SECONDS", "20"))
