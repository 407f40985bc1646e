"""One daemon from its start to its end: put together, started, served, drained, ended.

Here it is decided which queue, picture cache, worker and clock everything else is given. Processes, signals and exit
statuses belong to `main`; a daemon can also run in a thread of somebody else's process.
"""

import asyncio
import logging
from collections.abc import Sequence

from opentelemetry.trace import Tracer

from kilnmark.daemon.asked.admission import Admission
from kilnmark.daemon.asked.drafting import Drafts
from kilnmark.daemon.asked.inspections import Inspections
from kilnmark.daemon.asked.packs import Packs
from kilnmark.daemon.asked.pictures import AskedPictures
from kilnmark.daemon.asked.promotions import Promotions
from kilnmark.daemon.asked.served import Served
from kilnmark.daemon.clock import Clock, Vigil
from kilnmark.daemon.intake import Intake
from kilnmark.daemon.jobs.audience import Audience
from kilnmark.daemon.jobs.events import JobAccepted
from kilnmark.daemon.jobs.listing import painted
from kilnmark.daemon.jobs.prepare import Preparation
from kilnmark.daemon.jobs.queue import JobQueue
from kilnmark.daemon.jobs.renders import Renders
from kilnmark.daemon.jobs.view import JobsView
from kilnmark.daemon.jobs.watching import Watching
from kilnmark.daemon.journal.journal import KeptJournal
from kilnmark.daemon.journal.keeper import NoJournal
from kilnmark.daemon.journal.opening import OpenedJournal
from kilnmark.daemon.machine.machine import Machine
from kilnmark.daemon.machine.rounds import Rounds
from kilnmark.daemon.machine.saving import Saving
from kilnmark.daemon.measuring import Glance, Measuring
from kilnmark.daemon.methods import Methods
from kilnmark.daemon.notes import ProcessNotes
from kilnmark.daemon.pictures.cache import PictureCache
from kilnmark.daemon.pictures.hashes import FileHashes
from kilnmark.daemon.pictures.retention import Retention
from kilnmark.daemon.reload import changed_beyond, with_those_at_once
from kilnmark.daemon.spans import RenderTrace
from kilnmark.daemon.wire.connection import ServedConnection
from kilnmark.daemon.wire.dispatch import Dispatch
from kilnmark.daemon.wire.door import Door
from kilnmark.daemon.wire.socket import Listener
from kilnmark.daemon.worker.ends import Spawn
from kilnmark.daemon.worker.held import BaseNotHeld
from kilnmark.daemon.worker.sizes import WarmSizes
from kilnmark.daemon.worker.worker import Worker
from kilnmark.otel.measures import Measures
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.asides import Previewed
from kilnmark.protocol.wire.call import CallMeta
from kilnmark.protocol.wire.errors import JournalFailed

__all__ = ["Daemon"]

_log = logging.getLogger(__name__)


FAREWELL_TIMEOUT = 2.0
"""Seconds that connected clients are given to take their last replies."""

LEAVE_TIMEOUT = 0.5
"""Seconds that the journal may take where the process is left at once."""


class Daemon:
    """Everything that lives between the first and the last line of `run`. Made on the loop that runs it.

    Args:
        listener: The bound socket; it stays the caller's to close.
        tracer: Whose spans tell of renders.
        measures: What is measured; None: nobody keeps it.
        spawn: Starts a worker.
        notes: What the process tells of itself, and the clock that tells the time.
        journal: Where jobs are kept, and what was kept there before; None: nowhere.
        machine: What is around it; None: the machine that this runs on, and no service manager.

    Attributes:
        watching: Who watches its jobs.
    """

    def __init__(
        self,
        settings: Settings,
        listener: Listener,
        *,
        tracer: Tracer,
        spawn: Spawn,
        measures: Measures | None = None,
        notes: ProcessNotes | None = None,
        journal: OpenedJournal | None = None,
        machine: Machine | None = None,
    ) -> None:
        self._notes = notes = notes or ProcessNotes(Clock())
        clock = notes.clock
        self._listener = listener
        self._settings = settings
        measuring = self._measuring = Measuring(measures)
        served, promotions = Served(settings), Promotions(settings)
        packs = Packs(settings, promotions)
        sizes = WarmSizes(served, packs.tiers)
        self._worker = Worker(
            settings, spawn, asyncio.get_running_loop(), sizes, clock, self._not_held, self._measuring
        )
        self._vigil = Vigil(asyncio.get_running_loop(), clock)
        self._vigil.on_jump(self._worker.time_jumped)
        self._tracer = tracer
        self._journal = None if journal is None else self._keeper(journal)
        keeper = self._journal or NoJournal()
        queue = JobQueue.by(settings, clock, keeper.keep, () if journal is None else journal.events)
        audience = Audience(clock, measuring)
        pictures = PictureCache(settings.cache_bytes, hashes := FileHashes())
        admission = Admission(promotions, hashes, settings.adapter_roots)
        preparation = Preparation(settings.adapter_roots, pictures, self._worker.holdings.base_of, admission)
        self._renders = Renders(queue, pictures, self._worker, preparation, audience, keeper)
        machine = machine or Machine()
        self._saving = Saving(settings, queue.pauses, clock, machine.read_power)
        self._rounds = Rounds(self._renders, machine, self._saving)
        view = JobsView(queue.state, queue.pauses, audience, self._worker)
        self.watching = Watching(view)
        audience.on_news = self.watching.happened
        self._offer_previews()
        self._pictures = AskedPictures(settings, view.open_commands)
        drafts = Drafts(served, self._worker.holdings)
        self._retention = Retention(settings, clock, view.pictures_in_use)
        methods = Methods(
            served,
            self._renders,
            self.watching,
            packs,
            Inspections(settings, served),
            Intake(served, self._renders, view, packs, self._pictures, drafts, tracer),
            notes,
            self.shut_down,
        )
        self._dispatch = Dispatch(methods.table, measuring)
        self._connections: set[ServedConnection] = set()
        self._ending = asyncio.Event()
        self._hurry = asyncio.Event()
        self._failure: KilnmarkError | None = None

    async def run(self) -> None:
        """Serve until told to end.

        Raises:
            BaseNotHeld: The first base cannot be held, and it is not to stay for that.
            KilnmarkError: It had to end, since nobody can reach its socket any more.
        """
        loop = asyncio.get_running_loop()
        self._vigil.begin()
        if self._journal is not None:
            self._renders.go_on(self._trace_again, self._settings.variants, self._settings.return_timeout)
            self._journal.prune()
        self._pictures.forget_unneeded()
        self._retention.begin()
        recalling = loop.create_task(self._renders.pictures.recall(painted(self._renders.queue.state)))
        worker = loop.create_task(self._worker.run(self._renders))
        worker.add_done_callback(self._worker_watch_ended)
        door = Door(self._listener, self._connection, self._be_lost)
        door.open()
        self._rounds.begin()
        self._measuring.begin(self._glance)
        _log.info("listening on %s, warming %s", self._settings.socket, self._settings.variant)
        await self._ending.wait()
        self._retention.end()
        self._measuring.end()
        recalling.cancel()
        await self._drain()
        door.close()
        self._worker.stop()
        await worker
        self._vigil.end()
        self._renders.end_rest()
        if self._journal is not None:
            await self._journal.close()
        self.watching.end()
        await self._say_farewell()
        self._rounds.end()
        if self._failure is not None:
            raise self._failure

    def shut_down(self, drain: bool, within: float | None = None) -> None:  # noqa: FBT001 - a callback's argument
        """Begin the end. The second call can only make it quicker.

        Args:
            drain: Paint what was accepted first.
            within: Seconds after which that is given up. None: it takes as long as it takes.
        """
        _log.info("going down%s", ", after the accepted renders" if drain else "")
        self._renders.draining = True
        self._rounds.ending(finishes=drain and (within is None or self._journal is None))
        if not drain:
            self._hurry.set()
        elif within is not None:
            asyncio.get_running_loop().call_later(within, self._hurry.set)
        self._ending.set()

    @property
    def settings(self) -> Settings:
        """What it goes by now."""
        return self._settings

    def heed(self, said: Settings) -> None:
        """Go by settings that were read again, as far as they take effect without a start; the log tells of others."""
        settings = self._settings = with_those_at_once(self._settings, said)
        self._worker.heed(settings)
        self._saving.heed(settings)
        self._renders.queue.heed(settings)
        self._notes.settings_read(beyond := changed_beyond(settings, said))
        if beyond:
            _log.warning("settings were read again; these need a start: %s", ", ".join(beyond))
        else:
            _log.info("settings were read again")

    def leave_at_once(self) -> None:
        """End the worker and leave what is open to the next daemon, because the process is about to be left."""
        self._worker.kill()
        self._renders.end_rest()
        if self._journal is not None:
            self._journal.leave(LEAVE_TIMEOUT)

    def _keeper(self, opened: OpenedJournal) -> KeptJournal:
        return KeptJournal(
            opened.file,
            known=lambda: self._renders.queue.state.known,
            on_lost=self._not_kept,
            moved_aside=opened.moved_aside,
            on_write=self._measuring.journal_written,
        )

    def _not_kept(self, job_ids: Sequence[str], error: JournalFailed) -> None:
        self._renders.not_kept(job_ids, error)

    def _trace_again(self, facts: JobAccepted) -> RenderTrace:
        meta = CallMeta(traceparent=facts.traceparent, tracestate=facts.tracestate)
        with_prompts = self._settings.trace_prompts
        return RenderTrace(self._tracer, meta, facts.command, facts.command.variant, with_prompts=with_prompts)

    def _connection(self) -> ServedConnection:
        return ServedConnection(self._settings, self._dispatch, self._connections)

    def _offer_previews(self) -> None:
        """Whoever watches and asks for previews has the worker make some, unless it is to make none."""
        if self._settings.previews == "auto":
            self.watching.on_previews = self._worker.show_previews
            self._worker.on_preview = self._previewed

    def _previewed(self, event: Previewed) -> None:
        self.watching.pictured(event.job_id, event.step, event.steps, event.jpeg)

    def _glance(self) -> Glance:
        queue = self._renders.queue
        return Glance(
            queue.state.info,
            queue.longest_wait,
            self._worker.state,
            len(self._connections),
            self._worker.holdings.memory,
            self._renders.pictures.info,
        )

    def _be_lost(self, error: KilnmarkError) -> None:
        """Those who are in are still served; there will be nobody else."""
        self._failure = error
        self.shut_down(drain=True)

    def _not_held(self, reason: str) -> None:
        """What was accepted is left to the next daemon, and everybody who waits is told."""
        if not self._settings.keep_failed:
            self._failure = BaseNotHeld(self._settings.variant, reason)
            self.shut_down(drain=False)

    def _worker_watch_ended(self, task: asyncio.Task[None]) -> None:
        """Without its supervision the daemon is of no use; a defect there must not leave it half alive."""
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical("the supervision of the worker met a defect", exc_info=error)
            self.shut_down(drain=False)

    async def _drain(self) -> None:
        settled = asyncio.ensure_future(self._renders.settled())
        hurried = asyncio.ensure_future(self._hurry.wait())
        held_back = asyncio.ensure_future(self._rounds.held_back.wait())
        await asyncio.wait({settled, hurried, held_back}, return_when=asyncio.FIRST_COMPLETED)
        for waiting in (settled, hurried, held_back):
            waiting.cancel()
        self._renders.stop_all()

    async def _say_farewell(self) -> None:
        connections = list(self._connections)
        for connection in connections:
            connection.leave_when_served()
        if connections:
            await asyncio.wait([connection.gone for connection in connections], timeout=FAREWELL_TIMEOUT)
        for connection in list(self._connections):
            connection.abort()
