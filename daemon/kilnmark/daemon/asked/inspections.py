"""Adapter files looked at for callers: off the event loop, and without the worker.

What a file is, `keymaps.inspection` says. Here it is decided for which model, from where, and how many at a time; a
request that is given up stops at its next file.
"""

import asyncio
import ctypes
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from kilnmark.daemon.asked.served import Served
from kilnmark.keymaps.files.weights import WeightsProblem
from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.shapes import Shapes, load_shapes, painter_names
from kilnmark.protocol.content.problems import near_miss
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.inspection import Inspection, InspectionDocument
from kilnmark.protocol.wire.requests import LoraInspectParams

__all__ = ["AT_ONCE", "DOCUMENT_LIMIT", "Inspections"]

AT_ONCE = 2
"""Files that are read at the same time, for all requests together: each is in memory whole."""

DOCUMENT_LIMIT = 3 << 20
"""Bytes of a reply; a client that leaves 4 MiB unread is dropped, and a longer line would look like that."""

_encode = msgspec.json.Encoder().encode

_give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""glibc keeps what a thread has freed, which after one large adapter is hundreds of megabytes; other C libraries do not
have the function."""


class Inspections:
    """Answers `lora.inspect`.

    Args:
        settings: Where adapters may be.
        served: The bases that the daemon may hold.
    """

    def __init__(self, settings: Settings, served: Served) -> None:
        self._roots = settings.adapter_roots
        self._served = served
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="inspect")

    async def answer(self, params: LoraInspectParams, on_file: Callable[[int, int], None]) -> msgspec.Raw:
        """Look at each file in turn.

        Args:
            params: What was asked.
            on_file: Called before each file with how many are done, and how many there are.

        Returns:
            An `InspectionDocument` as JSON; a refused file is an entry of it.

        Raises:
            InvalidParams: The variant is unknown, or the document is longer than a reply may be.
        """
        variant = self._variant(params.variant)
        files = await self.files(params.lora_paths, variant, on_file, with_targets=params.targets)
        loop = asyncio.get_running_loop()
        document = await loop.run_in_executor(self._threads, _encode, InspectionDocument(files))
        if len(document) > DOCUMENT_LIMIT:
            problem = f"the reply would have {len(document)} bytes, more than the {DOCUMENT_LIMIT} allowed"
            raise InvalidParams(f"{problem} - at `$.params.lora_paths`; ask for fewer files at once")
        return msgspec.Raw(document)

    async def files(
        self, paths: Sequence[str], variant: str, on_file: Callable[[int, int], None], *, with_targets: bool = False
    ) -> list[Inspection]:
        """Look at each file in turn, for a model or a base of the daemon's."""
        shapes = load_shapes(variant if variant in painter_names() else self._served.row_of(variant).name)
        loop, files = asyncio.get_running_loop(), list[Inspection]()
        for done, path in enumerate(paths):
            on_file(done, len(paths))
            found = await loop.run_in_executor(self._threads, self._inspect, path, shapes)
            files.append(found if with_targets else msgspec.structs.replace(found, targets=()))
        return files

    def _inspect(self, path: str, shapes: Shapes) -> Inspection:
        try:
            return inspect_file(path, shapes, roots=self._roots).inspection
        finally:
            if _give_back is not None:
                _give_back(0)

    def _variant(self, asked: str | None) -> str:
        if asked is not None and asked not in painter_names():
            meant = near_miss(asked, painter_names())
            mend = f"did you mean {meant!r}?" if meant else f"use one of {', '.join(painter_names())}"
            raise InvalidParams(f"{asked!r} is no known variant - at `$.params.variant`; {mend}")
        if asked is not None:
            return asked
        try:
            return self._served.row_of(self._served.default).name
        except WeightsProblem as error:
            raise InvalidParams(f"{error} - at `$.params.variant`; or name the variant to look at files for") from error
