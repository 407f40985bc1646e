"""Writes `replies.ndjson`, what the daemon of an interpreter answers to the script, and keeps two of its pictures.

Run it with the interpreter of the version to be recorded: `python -m tests.recorded.record .venv/bin/python`. What is
here was recorded before the rooms were laid out anew, and stays: it is what every later version is held against.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.recorded.player import play

__all__ = ["PICTURES", "REPLIES"]

REPLIES = Path(__file__).with_name("replies.ndjson")
PICTURES = Path(__file__).with_name("pictures")

KEPT = ("inked", "quarried")
"""Jobs whose pictures are kept: one with adapters by path, one with those of a style."""


def main(python: str) -> None:
    """Play and keep."""
    with TemporaryDirectory() as folder:
        lines = [json.dumps(heard, ensure_ascii=False) for heard in play(python, Path(folder))]
        for job_id in KEPT:
            [picture] = Path(folder).glob(f"*-{job_id}.png")
            PICTURES.mkdir(exist_ok=True)
            (PICTURES / f"{job_id}.png").write_bytes(picture.read_bytes())
    REPLIES.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
