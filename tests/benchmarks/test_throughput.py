"""Renders per minute through client, socket, queue and worker, against the engine's bare loop and mflux's."""

import asyncio
import contextlib
import io
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kilnmark.client import AsyncClient
from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.flux1.standin import build_standin
from tests.benchmarks.clock import Action, interleaved
from tests.benchmarks.figures import Figure, Headline, tell
from tests.benchmarks.loop import BareLoop
from tests.daemon.conftest import Daemon, running_daemon

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

PART = "throughput"
RENDERS, ROUNDS = 100, 10
SIDE, STEPS = 64, 1
PROMPT = "kiln"
ENGINE, MFLUX, DAEMON = "the engine's bare loop", "mflux's bare loop", "kilnmark, daemon and client"


@pytest.fixture(scope="module")
def standin() -> Base:
    return load_base("standin", None)


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running_daemon(env={"OTEL_SDK_DISABLED": "true"}) as running:
        yield running.warm()


async def through_the_daemon(daemon: Daemon, seeds: Sequence[int]) -> list[Path]:
    """All asked for at once, so that the queue is never empty while there is work."""
    async with AsyncClient(daemon.socket) as client:
        asked = [client.render(PROMPT, width=SIDE, height=SIDE, steps=STEPS, seed=seed) for seed in seeds]
        return [Path(result.image_path) for result in await asyncio.gather(*asked)]


def by_mflux(flux: object, seeds: Sequence[int], folder: Path) -> list[Path]:
    """Its own loop, as its command line has it: generate, save."""
    saved = []
    for seed in seeds:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            picture = flux.generate_image(  # type: ignore[attr-defined]  # mflux has no types
                seed=seed, prompt=PROMPT, num_inference_steps=STEPS, width=SIDE, height=SIDE, guidance=3.5
            )
            saved.append(folder / f"{seed}.png")
            picture.save(saved[-1])
    return saved


def test_renders_a_minute(daemon: Daemon, standin: Base, tmp_path: Path) -> None:
    bare, flux = BareLoop(standin, tmp_path / "bare"), build_standin()
    each, seeds = RENDERS // ROUNDS, itertools.count(1)
    made: dict[str, list[Path]] = {DAEMON: [], ENGINE: [], MFLUX: []}

    def some(count: int = each) -> list[int]:
        return list(itertools.islice(seeds, count))

    asyncio.run(through_the_daemon(daemon, some(1)))
    bare.paint(PROMPT, next(seeds), STEPS, SIDE)
    by_mflux(flux, some(1), tmp_path)
    actions = {
        DAEMON: Action(lambda: made[DAEMON].extend(asyncio.run(through_the_daemon(daemon, some())))),
        ENGINE: Action(lambda: made[ENGINE].extend(bare.paint(PROMPT, seed, STEPS, SIDE) for seed in some())),
        MFLUX: Action(lambda: made[MFLUX].extend(by_mflux(flux, some(), tmp_path))),
    }
    series = interleaved(actions, seconds=0, least=ROUNDS, warm=False)
    assert {len({path for path in paths if path.stat().st_size}) for paths in made.values()} == {RENDERS}
    for who, times in series.items():
        tell(
            Figure(
                part=PART,
                base="standin",
                what=f"{RENDERS} renders of {SIDE}x{SIDE}, {STEPS} step",
                who=who,
                value=6e4 * each / times.median,
                unit="a minute",
                ratio=None if who == ENGINE else series[ENGINE].over(times),
                against="" if who == ENGINE else ENGINE,
                rounds=times.rounds,
            )
        )
    tell(Headline(name="throughput_vs_bare_loop", value=series[ENGINE].over(series[DAEMON])))
