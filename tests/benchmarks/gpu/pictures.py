"""Whole pictures through a daemon on a card: the first and the tenth, and what of a picture of 20 steps is steps.

`python -m tests.benchmarks.gpu.pictures --seconds 45 --adapters FOLDER [--small]`, started by `scripts.bench_gpu`.
"""

import asyncio
import os
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kilnmark.client import Client
from kilnmark.client.cli.commands.serve import daemon_command
from kilnmark.client.errors import DaemonUnavailable
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.replies import RenderResult
from tests.benchmarks.figures import Figure, Headline, Missing, tell
from tests.benchmarks.gpu.part import PROMPTS, SIDES, Part
from tests.benchmarks.share_of_steps import queued, share_of_steps

PICTURES, STEPS, LONG = 10, 4, 20
DAEMON = "kilnmark, daemon and client, fast"
START = 30.0
"""Seconds that a daemon may take until it answers."""


def main() -> None:
    """Both, in the time there is."""
    part = Part.asked()
    with daemon(part) as socket:
        with Client(socket) as client:
            began = time.monotonic()
            client.warm_up(part.variant)
            show(part, "from a daemon's start to warm", 1e3 * (time.monotonic() - began))
            totals = list(one_by_one(part, client))
        if len(totals) == PICTURES:
            tell(Headline(name="first_vs_tenth", value=totals[0] / totals[-1]))
        each = statistics.median(totals) / 1e3 * LONG / STEPS
        if part.is_small or part.left > 4 * each:
            steps = 1 if part.is_small else LONG
            results = asyncio.run(queued(socket, [asked(part, seed, steps) for seed in range(100, 103)]))
            share = share_of_steps(results)
            show(part, f"{steps} steps, of which in steps", share, "share")
            tell(Headline(name="share_of_steps", value=share))
        else:
            reason = f"{max(0.0, part.left):.0f} s were left for three pictures of {each:.0f} s"
            tell(Missing(part="picture", base=part.variant, what=f"{LONG} steps", who=DAEMON, reason=reason))


def one_by_one(part: Part, client: Client) -> Iterator[float]:
    """Milliseconds of each picture from acceptance to reply, each of another prompt."""
    steps = 1 if part.is_small else STEPS
    count = 3 if part.is_small else PICTURES
    results: list[RenderResult] = []
    while len(results) < count and (part.is_small or part.left > 5):
        results.append(client.render(**asked(part, len(results), steps)))
        yield results[-1].timings.total_ms
    if results:
        tell_parts(part, results, steps)


def asked(part: Part, seed: int, steps: int) -> dict[str, Any]:
    """One picture, as a client asks for it."""
    side = max(64, SIDES[part.variant])
    prompt = f"{PROMPTS[part.variant]} {seed}"
    return {"prompt": prompt, "seed": seed, "steps": steps, "width": side, "height": side, "cache": False}


def tell_parts(part: Part, results: Sequence[RenderResult], steps: int) -> None:
    """The first and the last picture, and the medians of what they are made of."""
    timings = [result.timings for result in results]
    show(part, f"first picture of {steps} steps", timings[0].total_ms)
    show(part, f"picture {len(results)} of {steps} steps", timings[-1].total_ms)
    for name in ("encode_ms", "denoise_ms", "decode_ms", "save_ms"):
        median = statistics.median(getattr(each, name) for each in timings)
        show(part, f"its {name.removesuffix('_ms')}, {steps} steps", median, rounds=len(timings))


def show(part: Part, what: str, value: float, unit: str = "ms", rounds: int = 1) -> None:
    tell(Figure(part="picture", base=part.variant, what=what, who=DAEMON, value=value, unit=unit, rounds=rounds))


@contextmanager
def daemon(part: Part) -> Iterator[str]:
    """One that holds the made-up base in `fast`; ended by its process id."""
    with TemporaryDirectory(prefix="kb-") as folder:
        home = Path(folder)
        settings = Settings(
            socket=home / "d.sock", output_dir=home / "pictures", variant=part.variant, numerics="fast", cache_bytes=0
        )
        environment = {**os.environ, "OTEL_SDK_DISABLED": "true"}
        process = subprocess.Popen(daemon_command(settings), env=environment, stdout=subprocess.DEVNULL)
        try:
            wait_for(process, str(settings.socket))
            yield str(settings.socket)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def wait_for(process: "subprocess.Popen[bytes]", socket: str) -> None:
    """Until it answers."""
    until = time.monotonic() + START
    with Client(socket) as client:
        while True:
            try:
                client.ping()
            except DaemonUnavailable:
                if process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.05)
            else:
                return


if __name__ == "__main__":
    main()
