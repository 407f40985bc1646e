"""The adapters that one has to get on with: its genre's, put on together with it for one picture.

What comes of it is weighed by the engine, and stands in the reports; it is not judged here.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from kilnmark.client.sync import Client
from kilnmark.lab.gate.painting import GateCandidate
from kilnmark.protocol.content.tiers import load_tiers
from kilnmark.protocol.picture.report import AdapterReport

__all__ = ["Neighbourhood", "beside"]

_SCENE = "a castle at dusk under a clear sky"


class Neighbourhood(msgspec.Struct, frozen=True):
    """Whom it is put beside.

    Attributes:
        genre: All adapters that the daemon's pack has for its tiers; None: nobody's.
        others: And these, with their scales.
    """

    genre: str | None = None
    others: tuple[tuple[str, float], ...] = ()


def beside(client: Client, candidate: GateCandidate, stack: Neighbourhood) -> tuple[tuple[AdapterReport, ...], ...]:
    """What becomes of it and of the others when all are on, itself first: of every stack that it would be in.

    Raises:
        KilnmarkError: The genre is not known, or the picture cannot be painted.
    """
    stacks = dict.fromkeys(
        tuple(sorted({**dict(stack.others), **each}.items())) for each in _of_genre(client, candidate, stack)
    )
    return tuple(_weighed(client, candidate, others) for others in stacks if others)


def _weighed(
    client: Client, candidate: GateCandidate, others: tuple[tuple[str, float], ...]
) -> tuple[AdapterReport, ...]:
    numbers: Any = candidate.numbers
    result = client.render(
        _SCENE,
        variant=candidate.base,
        seed=candidate.seeds[0],
        lora_paths=[str(candidate.file), *(path for path, _ in others)],
        lora_scales=[candidate.scale, *(scale for _, scale in others)],
        on_mismatch="warn",
        **numbers,
    )
    return tuple(result.loras)


def _of_genre(client: Client, candidate: GateCandidate, stack: Neighbourhood) -> Iterator[dict[str, float]]:
    """The others of each kind of picture, without itself: by its bytes, whatever it is called there."""
    if stack.genre is None:
        yield {}
        return
    for tier in load_tiers():
        loras = client.compose(stack.genre, tier).loras
        yield {one.inspection.path: one.scale for one in loras if one.inspection.sha256 != candidate.sha256}
