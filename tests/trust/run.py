"""`make trust`: some thousand healthy files, and as many with one flaw each, read on two processes of one thread each
(small products gain nothing from more; the Makefile says so to BLAS).

python -m tests.trust --count 5000 --seed 7          all
python -m tests.trust --seed 7 --flawed 1234         that one file again, which is kept in build/trust/
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.trust.proof import Trial, false_alarms, false_trust
from tests.trust.remaps import false_remaps

_PROCESSES = 2
_SHARE = 25
_SHOWN = 12
_PARTS: tuple[tuple[str, str, Trial], ...] = (
    ("healthy", "healthy files, accused or read wrongly", false_alarms),
    ("remapped", "healthy files in another convention, not the same there", false_remaps),
    ("flawed", "files with one flaw each, engaged in silence", false_trust),
)

Share = tuple[Trial, int, int, int]


def main() -> int:
    asked = _asked()
    _say(f"seed {asked.seed}, {asked.count} files of each kind")
    again = [(trial, getattr(asked, option)) for option, _, trial in _PARTS if getattr(asked, option) is not None]
    if again:
        return _again(asked.seed, again)
    wrong = 0
    with ProcessPoolExecutor(_PROCESSES, multiprocessing.get_context("spawn")) as pool:
        for option, title, trial in _PARTS:
            begun = time.monotonic()
            shares = [(trial, asked.seed, at, min(at + _SHARE, asked.count)) for at in range(0, asked.count, _SHARE)]
            found = [each for some in pool.map(tried, shares) for each in some]
            for place, trouble in sorted(found)[:_SHOWN]:
                _say(f"  --{option} {place}: {trouble}")
            wrong += len({place for place, _ in found})
            _say(f"{len({place for place, _ in found})} of {asked.count} {title}; {time.monotonic() - begun:.0f} s")
    return int(wrong > 0)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.trust")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--count", type=int, default=5000)
    for option, title, _ in _PARTS:
        parser.add_argument(f"--{option}", type=int, help=f"that one alone of: {title}")
    return parser.parse_args()


def tried(share: Share) -> list[tuple[int, str]]:
    trial, seed, begin, end = share
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        return list(_troubles(trial, seed, range(begin, end), Path(folder)))


def _troubles(trial: Trial, seed: int, places: range, folder: Path) -> Iterator[tuple[int, str]]:
    for place in places:
        for trouble in trial(seed, place, folder):
            yield place, trouble


def _memory() -> str | None:
    """Where files cost no disk, if there is such a place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _again(seed: int, trials: list[tuple[Trial, int]]) -> int:
    folder = Path("build", "trust")
    folder.mkdir(parents=True, exist_ok=True)
    found = [trouble for trial, place in trials for trouble in trial(seed, place, folder)]
    _say("\n".join(found) or "as it should be")
    return int(bool(found))
