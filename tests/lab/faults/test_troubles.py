"""A remote that limits, fails, hangs, cuts short, or does not take the key: outlived, told, and the key nowhere."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.benchmarks.figures import Fault, tell
from tests.lab.faults.benches import SCENARIOS
from tests.lab.faults.mortal import begin

pytestmark = pytest.mark.labfaults

START, LOOK, LIST, FETCH = "POST /v1/models", r"GET /v1/trainings/\w", "GET /v1/trainings$", "GET /out"
LIMIT: Mapping[str, Any] = {"do": "answer", "status": 429, "headers": {"Retry-After": "0.1"}}
HANG: Mapping[str, Any] = {"do": "hang", "seconds": 3.0}
LOST: Mapping[str, Any] = {"like": START, "do": "lose the answer"}

TROUBLES: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "a rate limit on every free call": [{"like": like, **LIMIT} for like in ("/v1/files", LOOK, FETCH)],
    "a rate limit on the paid start": [{"like": START, **LIMIT}],
    "a 500 on every free call": [{"like": like, "do": "answer"} for like in ("/v1/files", LOOK, FETCH)],
    "a 500 on a start that happened": [{"like": START, "do": "answer", "acts": True}],
    "a 500 on a start that did not": [{"like": START, "do": "answer"}],
    "a start whose answer is lost": [LOST],
    "a lost start and a 500 on the list": [LOST, {"like": LIST, "do": "answer", "times": 2}],
    "a hang on a look": [{"like": LOOK, **HANG}],
    "a hang on a start that happened": [{"like": START, **HANG, "acts": True}],
    "a download cut short, three times": [{"like": FETCH, "do": "truncate", "times": 3}],
    "a connection dropped at every kind of call": [
        {"like": like, "do": "drop"} for like in ("/v1/files", START, LOOK, FETCH)
    ],
    "a key that is refused, until it is right": [
        {"like": like, "do": "answer", "status": 401} for like in ("/v1/files", START, LOOK)
    ],
}

PROMISED = "gone on with, it is done: paid once, nothing lost, nothing over the budget, the key nowhere"
_LIVES = 6


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with SCENARIOS["remote training"].server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.mark.parametrize("trouble", TROUBLES)
def test_is_outlived(trouble: str, server: Any, tmp_path: Path) -> None:
    bench: Any = SCENARIOS["remote training"].bench(tmp_path / "home", server)
    bench.remote.set(faults=[dict(fault) for fault in TROUBLES[trouble]])
    words, said, lives = bench.words, list[str](), 0
    for lives in range(1, _LIVES + 1):
        ended = begin(words, bench.environment, tmp_path / f"{lives}.log").run()
        said.append(ended.said)
        if ended.code == 0:
            break
        words = bench.after(ended)
    wrong = {"paid twice": bench.paid_twice(), "lost": bench.lost(), "over budget": bench.over_budget()}
    secret = bench.secret.encode()
    wrong["leaks"] = sum(path.is_file() and secret in path.read_bytes() for path in _all(tmp_path))
    found = f"done after {lives} commands; " + ", ".join(f"{name} {count}" for name, count in wrong.items())
    tell(Fault(theme="lab", what=trouble, promised=PROMISED, found=found, kept=not any(wrong.values())))
    assert not any(wrong.values()), "\n--\n".join(said)


def _all(folder: Path) -> Iterator[Path]:
    """What the command wrote, and said; not what the fake has for itself."""
    shutil.rmtree(folder / "home-account")
    return folder.rglob("*")
