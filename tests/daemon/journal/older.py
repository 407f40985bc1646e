"""Journals as earlier versions left them, made by hand."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

__all__ = ["FIRST_EVENTS", "write_first_form"]

_FIRST_ACCEPTED = (
    '{"event":"accepted","at":%s,"job_id":"%s","params":{"_meta":{},"prompt":"a mill","seed":%d,"job_id":"%s"},'
    '"command":{"type":"render","prompt":"a mill","width":64,"height":64,"steps":1,"guidance":3.5,'
    '"negative_prompt":null,"variant":"standin","seed":%d,"job_id":"%s","tier":null,"lora_names":[],"lora_paths":[],'
    '"lora_scales":[],"stack":{"source":"none","genre":null,"world":null,"tier":null,"names":[],"excluded":[],'
    '"triggers":[]},"on_mismatch":"error","probe":false,"traceparent":null,"tracestate":null},"warnings":[],'
    '"repeatable":true,"traceparent":null,"tracestate":null}'
)


def _accepted(name: str, seed: int, at: float) -> str:
    return _FIRST_ACCEPTED % (at, name, seed, name, seed, name)


def _ready(name: str, at: float) -> str:
    return f'{{"event":"ready","at":{at},"job_id":"{name}","lora_paths":[],"seen":[[],0],"joins":null}}'


_CANCELLED = (
    '{"event":"ended","at":104.0,"job_id":"done","step":0,"result":null,'
    '"error":{"code":-32800,"kind":"cancelled","message":"the render was cancelled: no","retryable":false}}'
)

FIRST_EVENTS: Sequence[tuple[str, str]] = (
    ("done", _accepted("done", 1, 100.0)),
    ("done", _ready("done", 100.0)),
    ("done", '{"event":"begun","at":101.0,"job_ids":["done"],"passed":null}'),
    ("begun", _accepted("begun", 2, 102.0)),
    ("begun", _ready("begun", 102.0)),
    ("done", '{"event":"painted","at":103.0,"job_ids":["done"]}'),
    ("done", _CANCELLED),
    ("begun", '{"event":"begun","at":105.0,"job_ids":["begun"],"passed":null}'),
    ("unready", _accepted("unready", 3, 106.0)),
    ("", '{"event":"daemon_stopped","at":107.0}'),
)
"""One job that ended, one that was begun, and one that was never ready, in the words of the first form."""


def write_first_form(path: Path) -> None:
    """A journal of form 1 with these events."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE events (n INTEGER PRIMARY KEY, jobs TEXT NOT NULL, document BLOB NOT NULL)")
        connection.executemany(
            "INSERT INTO events (jobs, document) VALUES (?, ?)", [(jobs, text.encode()) for jobs, text in FIRST_EVENTS]
        )
        connection.execute("PRAGMA user_version = 1")
