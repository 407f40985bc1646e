"""Having cells painted: what is there is kept, the rest is asked of the daemon, and each is measured as it comes.

Every cell is in its place and written down before the next ending is looked at, so that whoever stops this, at whatever
moment, loses nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from kilnmark.client.batch.run.base import UNKNOWN, BaseNow
from kilnmark.client.errors import ClientError
from kilnmark.client.many import Rendered
from kilnmark.client.reports import reports_of
from kilnmark.client.sync import Client
from kilnmark.lab.measures.measure import read_picture
from kilnmark.lab.run.folder import now
from kilnmark.lab.sweep.cells import Cell
from kilnmark.lab.sweep.ledger import CellLedger, CellRecord
from kilnmark.lab.sweep.numbers import Taught, measure_cell
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.errors import Cancelled, Draining, NoWorker, QueueFull, WorkerLost
from kilnmark.protocol.wire.replies import RenderResult
from kilnmark.protocol.wire.status import StatusResult

__all__ = ["CellPainter"]

CONCURRENCY = 4
"""Renders that the daemon has at once: enough to read adapters ahead and to join those of one stack."""

ATTEMPTS = 2
"""How often a cell is asked for that is not to blame for its end, as far as can be told."""

_PERHAPS_BLAMELESS = (WorkerLost, Cancelled)
_ENDS_ALL = (ClientError, Draining, NoWorker, QueueFull)


class CellPainter:
    """Paints the cells of one sweep.

    Args:
        client: Of the daemon.
        ledger: Of the run.
        taught: What was trained on.
        places: Where the daemon finds each adapter, by its hash.
        on_cell: Called after every ending.

    Attributes:
        kept: Names of cells that were there already.
    """

    def __init__(
        self,
        client: Client,
        ledger: CellLedger,
        taught: Taught,
        places: Mapping[str, Path],
        on_cell: Callable[[CellRecord], None],
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._taught = taught
        self._places = places
        self._on_cell = on_cell
        self.kept: set[str] = set()

    def paint(self, cells: Sequence[Cell], status: StatusResult) -> None:
        """Have every cell painted and measured; those without adapter come first.

        Raises:
            ClientError: The daemon cannot be used any more; what has ended stays.
            RequestError: It serves no such base, goes down, has no worker, or has been full for long.
            RunUnusable: A file of the run cannot be written.
        """
        base = self._base(cells, status)
        for group in ([cell for cell in cells if not cell.checkpoint], [cell for cell in cells if cell.checkpoint]):
            missing = [cell for cell in group if not self._keep(cell, base)]
            for attempt in range(ATTEMPTS):
                missing = self._ask_for(missing, base, is_last=attempt + 1 == ATTEMPTS)

    def _keep(self, cell: Cell, base: BaseNow) -> bool:
        if not self._ledger.has(cell, base):
            return False
        self.kept.add(cell.name)
        self._on_cell(self._measured(cell, self._ledger[cell.name]))
        return True

    def _base(self, cells: Sequence[Cell], status: StatusResult) -> BaseNow:
        """The one that there is now; it is asked for only where there is something to paint on it."""
        variant = cells[0].variant
        bases = [held.base for held in status.memory.bases] if status.memory else []
        base = next((BaseNow.of(each) for each in bases if each.variant == variant), UNKNOWN)
        if base == UNKNOWN and not all(self._ledger.has(cell, base) for cell in cells):
            base = BaseNow.of(self._client.warm_up(variant).base)
        return base

    def _ask_for(self, cells: Sequence[Cell], base: BaseNow, *, is_last: bool) -> list[Cell]:
        """Have these painted. Returns those that are worth another try."""
        again = []
        requests = [cell.request(base, self._path(cell)) for cell in cells]
        with closing(self._client.render_many(requests, concurrency=CONCURRENCY, ordered=False)) as stream:
            for rendered in stream:
                if isinstance(rendered.error, _PERHAPS_BLAMELESS) and not is_last:
                    again.append(cells[rendered.index])
                else:
                    self._end(cells[rendered.index], rendered, base)
        return again

    def _path(self, cell: Cell) -> Path | None:
        return None if cell.checkpoint is None else self._places[cell.checkpoint.sha256]

    def _end(self, cell: Cell, rendered: Rendered, base: BaseNow) -> None:
        if rendered.result is not None:
            record = self._done(cell, rendered.result, base)
        else:
            record = self._failed(cell, rendered.error or KilnmarkError("it ended with nothing"))
        self._ledger.write(record)
        self._on_cell(self._measured(cell, record))

    def _failed(self, cell: Cell, error: KilnmarkError) -> CellRecord:
        """One that every other cell would share ends the sweep instead."""
        if isinstance(error, _ENDS_ALL):
            raise error
        message, reports = str(error), tuple(reports_of(error))
        return msgspec.structs.replace(_record(cell), status="failed", message=message, reports=reports)

    def _done(self, cell: Cell, result: RenderResult, base: BaseNow) -> CellRecord:
        try:
            sha256 = self._ledger.take_in(cell.name, Path(result.image_path), result.image_sha256)
        except OSError as error:
            return msgspec.structs.replace(_record(cell), status="failed", message=str(error))
        return msgspec.structs.replace(
            _record(cell),
            message="; ".join(result.warnings),
            fingerprint=base.fingerprint,
            numerics=base.numerics,
            image_sha256=sha256,
            width=result.width,
            height=result.height,
            reports=tuple(result.loras),
        )

    def _measured(self, cell: Cell, record: CellRecord) -> CellRecord:
        """The cell with its numbers, which are written down where they were not yet."""
        if record.status != "done" or (record.numbers and record.numbers.gallery == self._taught.digest):
            return record
        bare = self._ledger.get(cell.bare) if cell.checkpoint else None
        picture = read_picture(self._ledger.place(cell.name))
        beside = read_picture(self._ledger.place(cell.bare)) if bare and bare.status == "done" else None
        numbers = measure_cell(picture, beside, self._taught)
        measured = msgspec.structs.replace(record, numbers=numbers)
        self._ledger.write(measured)
        return measured


def _record(cell: Cell) -> CellRecord:
    """All that is known of a cell before it is painted."""
    return CellRecord(
        name=cell.name,
        step=cell.checkpoint.step if cell.checkpoint else None,
        sha256=cell.checkpoint.sha256 if cell.checkpoint else "",
        scale=cell.scale,
        role=cell.prompt.role,
        prompt=cell.prompt.text,
        seed=cell.seed,
        status="done",
        inputs=cell.inputs,
        at=now(),
    )
