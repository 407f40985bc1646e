"""Whether a base fits into this machine's memory, and quantized to how many bits: reckoned as the worker will.

Counted are the numbers that it holds, by the headers of its weights or by the catalog. What painting takes beside a
base is not in it: the worker keeps room for that.
"""

from dataclasses import dataclass

import msgspec

from kilnmark.client.cli.doctor.memory import group_limit
from kilnmark.keymaps.files.weights import Weights
from kilnmark.protocol.picture.family import Variant
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.examined import EngineExamined

__all__ = ["BITS", "BaseRoom", "MemoryNeed", "memory_needs", "needed_bytes", "room_for_bases"]

BITS: tuple[int | None, ...] = (None, 8, 6, 5, 4, 3)
"""Of a quantized number, the most exact first; None: as it is published."""

_PUBLISHED_BYTES = 2
"""Of a number where nobody knows what the engine computes in."""


@dataclass(frozen=True, slots=True)
class BaseRoom:
    """The memory that there is for bases.

    Attributes:
        nbytes: So much; None: nobody could be asked.
        whose: Why so much, as the end of a sentence.
        number_bytes: Of a number that is not quantized.
    """

    nbytes: int | None = None
    whose: str = "the daemon's part, which could tell, is not installed here"
    number_bytes: int = _PUBLISHED_BYTES


class MemoryNeed(msgspec.Struct, frozen=True, kw_only=True):
    """What a base takes in one form.

    Attributes:
        quantize: Bits of a quantized number; None: none is quantized, or they stay as they were stored.
        memory_bytes: What it takes.
        fits: Whether there is so much for bases; None: not known.
    """

    quantize: int | None
    memory_bytes: int
    fits: bool | None


def room_for_bases(settings: Settings, engine: EngineExamined) -> BaseRoom:
    """As a worker has it that is started with these settings; on a CPU its control group may allow less."""
    limit = engine.base_bytes if settings.base_memory is None else settings.base_memory
    if engine.backend == "cpu" and (group := group_limit()) is not None and group < limit:
        return BaseRoom(group, "are all that its control group may take", engine.number_bytes)
    return BaseRoom(limit, "are there for bases", engine.number_bytes)


def needed_bytes(base: Weights | Variant, quantize: int | None, room: BaseRoom) -> int:
    """What a base takes in memory: by its headers, or by the catalog."""
    if not isinstance(base, Variant):
        return base.nbytes(quantize, room.number_bytes)
    return base.numbers.nbytes(None if base.keeps_its_form else quantize, room.number_bytes)


def memory_needs(base: Weights | Variant, room: BaseRoom) -> list[MemoryNeed]:
    """What it takes in every form that it can have here, the most exact first."""
    forms = BITS[:1] if base.keeps_its_form else BITS
    needs = ((bits, needed_bytes(base, bits, room)) for bits in forms)
    return [
        MemoryNeed(quantize=bits, memory_bytes=need, fits=None if room.nbytes is None else need <= room.nbytes)
        for bits, need in needs
    ]
