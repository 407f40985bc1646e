"""Write the blocking client anew from the asyncio one: `make sync`, or `python -m scripts.make_sync`.

The words of `async` go, names change by a table, and the sentences that hold for one flavour alone are replaced whole.
Every row must be of use, so that none outlives what it was for (the way of httpcore's `scripts/unasync.py`, 1.0.9).
"""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["TWINS", "StaleRow", "make_sync", "sources"]

FOLDER = Path(__file__).resolve().parents[1] / "client" / "kilnmark" / "client"
TWINS = {"aio.py": "sync.py", "aio_calls.py": "sync_calls.py", "aio_jobs.py": "sync_jobs.py"}
"""Which module each blocking one is made from."""

SENTENCES = {
    '''"""The asyncio client: any number of calls at once over one connection.

One task reads the socket and hands each event to the call it belongs to. `sync`, the blocking client, is made from this
module by `scripts/make_sync.py`: a method of the wire is written here, once.
"""''': '''"""The blocking client: a socket for each thread, and on it one call after another.

It reads the socket only while a call waits, so nothing runs behind its caller's back. Made from `aio` by
`scripts/make_sync.py`: change that module, then run `make sync`.
"""''',
    '''"""Talks to the daemon from one event loop; any number of tasks may call it at once.

    It connects when it is first asked something. Cancelling a task that waits for a render cancels the render.
''': '''"""Talks to the daemon, blocking, from any number of threads: each has a connection of its own, made when it
    first asks something. A stream belongs to the thread that began it.

    An interrupt (Ctrl-C) during a render cancels it. After `close` the next call connects again.
''',
    '''"""Hang up. Calls that still wait end with `ConnectionLost`; the next call connects again."""''': (
        '''"""Hang up. Calls that still wait in a stream end with `ConnectionLost`."""'''
    ),
    "        Closing the iterator early cancels the renders under way.\n": (
        "        It has a connection of its own, on an event loop that runs only while the next picture is awaited;\n"
        "        where such a loop runs already, use `AsyncClient`. Closing the iterator early cancels what is under\n"
        "        way.\n"
    ),
    "        return run_all(self._rendered, ": (
        "        from kilnmark.client.sync_many import run_all\n\n"
        "        return run_all(self._places.named, self._timeouts, "
    ),
    "from kilnmark.client.aio_many import run_all\n": "",
    '''"""One call of the asyncio client, however often it has to be sent until its daemon answers it.

What a client can ask is written in `aio`, and what waits for a socket in `aio_link`. `sync_calls`, the same for the
blocking client, is made from this module by `scripts/make_sync.py`.
"""''': '''"""One call of the blocking client, however often it has to be sent until its daemon answers it.

What a client can ask is written in `sync`, and what waits for a socket in `sync_link`. Made from `aio_calls` by
`scripts/make_sync.py`: change that module, then run `make sync`.
"""''',
    '''"""What the asyncio client asks of jobs, its own and everybody's, and of notices.

How a call is sent is `aio_calls`' part. `sync_jobs`, the same for the blocking client, is made from this module by
`scripts/make_sync.py`.
"""''': '''"""What the blocking client asks of jobs, its own and everybody's, and of notices.

How a call is sent is `sync_calls`' part. Made from `aio_jobs` by `scripts/make_sync.py`: change that module, then run
`make sync`.
"""''',
}
"""What holds for one flavour alone, and for the other. The last import waits: it brings asyncio with it."""

WORDS = {
    r"\basync (?=def|with|for)": "",
    r"\bawait ": "",
    r"__aenter__": "__enter__",
    r"__aexit__": "__exit__",
    r"\baclosing\b": "closing",
    r"\bAsyncGenerator\b": "Generator",
    r"\baio_link\b": "sync_link",
    r"(?<!`)\baio_calls\b": "sync_calls",
    r"\bAsyncCalls\b": "BlockingCalls",
    r"(?<!`)\baio_jobs\b": "sync_jobs",
    r"\bAsyncJobCalls\b": "BlockingJobCalls",
    r"\bAsyncLinks\b": "BlockingLinks",
    r"(?<!`)\bAsyncClient\b": "Client",
}
"""Patterns, and what stands for them. A name in backquotes is told of, and stays."""


class StaleRow(LookupError):
    """A row of the tables fits nothing in the source any more."""


def sources() -> dict[str, str]:
    """The text of each module that a blocking one is made from, by its name."""
    return {name: (FOLDER / name).read_text(encoding="utf-8") for name in TWINS}


def make_sync(texts: Mapping[str, str]) -> dict[str, str]:
    """The blocking modules, formatted, by their names.

    Args:
        texts: Those of the asyncio ones, by theirs.

    Raises:
        StaleRow: naming the row that is of no use in any.
    """
    made = dict(texts)
    for told, other in SENTENCES.items():
        if not any(told in text for text in made.values()):
            raise StaleRow(told)
        made = {name: text.replace(told, other) for name, text in made.items()}
    for pattern, word in WORDS.items():
        if not any(re.search(pattern, text) for text in made.values()):
            raise StaleRow(pattern)
        made = {name: re.sub(pattern, word, text) for name, text in made.items()}
    return {
        TWINS[name]: _ruff(["format"], _ruff(["check", "--select", "I", "--fix", "--quiet"], text, name), name)
        for name, text in made.items()
    }


def _ruff(command: list[str], source: str, name: str) -> str:
    ruff, path = Path(sys.executable).with_name("ruff"), str(FOLDER / TWINS[name])
    done = subprocess.run(
        [ruff, *command, "--stdin-filename", path, "-"], input=source, capture_output=True, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    for name, text in make_sync(sources()).items():
        (FOLDER / name).write_text(text, encoding="utf-8")
