"""A program that plays a trainer: it tells its steps, leaves adapters of kohya's names, and does what it is told.

`python trainer.py OUTPUT STEPS SAVE_EVERY ADAPTER [WHAT]`, where WHAT is `fail` (at its last step), `wait` (until it is
interrupted, behind its first checkpoint), `stop` (likewise, and nothing but SIGKILL ends it), `nothing` (it ends well
without any checkpoint), `tell` (it prints its environment).
"""

import os
import shutil
import signal
import sys
from pathlib import Path


def main(output: str, steps: str, save_every: str, adapter: str, what: str = "") -> None:
    place = Path(output)
    place.mkdir(parents=True, exist_ok=True)
    if what == "tell":
        sys.stdout.write("\n".join(f"{name}={value}" for name, value in os.environ.items()))
    for step in range(1, int(steps) + 1):
        sys.stdout.write(f"\rsteps: {step}/{steps} [00:01<00:01, 1.0it/s]")
        if what == "fail" and step == int(steps):
            sys.stdout.write("\n")
            sys.stderr.write("RuntimeError: the first thing that went wrong\n")
            raise ValueError("what came of it")
        if step % int(save_every) == 0 and what != "nothing":
            partial = place / f"{step}.partial"
            shutil.copy(adapter, partial)
            partial.rename(place / f"ink-step{step:08d}.safetensors")
            if what in {"wait", "stop"}:
                wait(what)


def wait(what: str) -> None:
    if what == "stop":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout.write("\nwaiting\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
