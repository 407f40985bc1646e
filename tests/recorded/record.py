"""Adds to `replies.ndjson` what the daemon of an interpreter answers to turns that it has no reply of.

Run it with the interpreter of the version to be recorded: `python -m tests.recorded.record .venv/bin/python`. What is
there stays: it is what every later version is held against, and most of it was recorded before the rooms were laid out
anew. The pictures that are kept stay, too.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.recorded.player import play, read_lines

__all__ = ["PICTURES", "REPLIES"]

REPLIES = Path(__file__).with_name("replies.ndjson")
PICTURES = Path(__file__).with_name("pictures")

KEPT = ("inked", "quarried")
"""Jobs whose pictures are kept: one with adapters by path, one with those of a style."""


def main(python: str) -> None:
    """Play, and keep what is new."""
    known = {heard["turn"]: heard for heard in read_lines(REPLIES)}
    with TemporaryDirectory() as folder:
        heard = [known.get(each["turn"], each) for each in play(python, Path(folder))]
        PICTURES.mkdir(exist_ok=True)
        for job_id in KEPT:
            if not (kept := PICTURES / f"{job_id}.png").exists():
                [picture] = Path(folder).glob(f"*-{job_id}.png")
                kept.write_bytes(picture.read_bytes())
    REPLIES.write_text("".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in heard), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
