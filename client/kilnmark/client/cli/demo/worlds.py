"""The demonstration's second half: the sample pack, rendered by genre, world and tier alone.

What the first half shows of single adapters, and the daemon of both, are `demo`'s.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from kilnmark.client.cli.demo.exhibits import WorldShown
from kilnmark.client.sync import Client
from kilnmark.protocol.wire.replies import RenderResult

__all__ = ["paint_worlds", "sample_packs"]

GENRE = "weatherwright"
WORLDS = ("carding_moor", "brine_exchange")
TIER = "landscape"
PROMPT = "a mill at dusk"
SEED = 7
SIDE = 64
"""Pixels; the tier's own size and steps are for a real base."""


@contextmanager
def sample_packs() -> Iterator[Path]:
    """The folder of packs that comes with the program, to be read only."""
    with as_file(files("kilnmark") / "genre_packs") as folder:
        yield folder


def paint_worlds(client: Client, keep: Callable[[RenderResult, str], Path]) -> list[WorldShown]:
    """Render one prompt in every world of the sample pack; the daemon composes the stacks.

    Args:
        client: Of a daemon that has the sample packs.
        keep: Puts a picture where it stays, under a name without suffix.
    """
    shown = []
    for world in WORLDS:
        result = client.render(
            PROMPT, genre=GENRE, world=world, tier=TIER, seed=SEED, width=SIDE, height=SIDE, steps=1, cache=False
        )
        picture = keep(result, world)
        shown.append(WorldShown(stack=result.stack, loras=result.loras, picture=str(picture)))
    return shown
