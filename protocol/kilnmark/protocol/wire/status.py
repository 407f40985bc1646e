"""What the daemon holds and does, as `status` tells it: its worker, its queue, its jobs, its pictures and its packs.

Results only; nothing here is a parameter. What a worker holds in memory is in `memory`, a job and the queue in `jobs`.
"""

from typing import Literal

import msgspec

from kilnmark.protocol.content.problems import Problem
from kilnmark.protocol.picture.catalog import Priority
from kilnmark.protocol.wire.jobs import JobInfo, QueueInfo
from kilnmark.protocol.wire.memory import BaseInfo, CompilingInfo, MemoryInfo
from kilnmark.protocol.wire.pace import PaceInfo

__all__ = [
    "CacheInfo",
    "DegradedInfo",
    "JournalInfo",
    "PacksInfo",
    "PowerInfo",
    "ProcessInfo",
    "StatusResult",
    "WorkerDeath",
    "WorkerInfo",
    "WorkerWords",
]


class WorkerWords(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker wrote to its standard error. Control characters are spelled out.

    Attributes:
        lines: The last 200.
        lines_before: How many came before those.
        first_failure: The first line that told of a failure since the last picture it finished; it may have come
            before `lines`. None: none did.
    """

    lines: list[str] = []
    lines_before: int = 0
    first_failure: str | None = None


class WorkerDeath(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a worker that was lost.

    Attributes:
        at: When, UTC, ISO 8601.
        pid: Its process.
        reason: What it died of.
        words: What it had written.
    """

    at: str
    pid: int
    reason: str
    words: WorkerWords


class DegradedInfo(msgspec.Struct, frozen=True, kw_only=True):
    """That there is no worker, though it is tried again and again.

    Attributes:
        since: When it began, UTC, ISO 8601.
        reason: What became of the last try.
        tries: How often it was tried since then.
        next_try_s: Seconds until it is tried again; None while it is.
    """

    since: str
    reason: str
    tries: int
    next_try_s: float | None = None


class WorkerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The process that owns the base.

    Attributes:
        pid: None while there is none.
        restarts: How many were lost.
        last_error: What became of the last one, or of the base that it was to load.
        death: The end of the last one that was lost; None: none was.
        degraded: None while a worker is there, or the first few tries to have one are not over.
        renders: How many this one was given.
        recycled: How many were replaced by another because they had worked enough.
        paces: How long its steps take, by base and size, of those that this one has painted.
    """

    pid: int | None
    restarts: int
    last_error: str | None = None
    death: WorkerDeath | None = None
    degraded: DegradedInfo | None = None
    renders: int = 0
    recycled: int = 0
    paces: list[PaceInfo] = []


class CacheInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The pictures that can be an answer again.

    Attributes:
        hits: Requests so far that were answered with one.
        entries: Pictures known.
        bytes: Their size on disk together.
        limit_bytes: The size beyond which the longest unused are forgotten; none is ever deleted. 0: none is known.
    """

    hits: int = 0
    entries: int = 0
    bytes: int = 0
    limit_bytes: int = 0


class PacksInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The content packs that a render may name.

    Attributes:
        folder: Where they are.
        genres, worlds: How many there are, usable or not.
        problem_count: What is wrong with their documents.
        problems: The first of those.
        kept: Genres and worlds that are composed as they were before an edit that broke them.
    """

    folder: str
    genres: int
    worlds: int
    problem_count: int = 0
    problems: list[Problem] = []
    kept: list[str] = []


class JournalInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The file that accepted jobs are kept in until they have ended, and for a while after.

    Attributes:
        path: Where it is.
        state: `failing` while it cannot be written: no render is taken then, and what was taken goes on.
        problem: Why it cannot be written.
        moved_aside: Where a damaged one was put when the daemon was started; what could be read of it is in this one.
    """

    path: str
    state: Literal["good", "failing"]
    problem: str | None = None
    moved_aside: str | None = None


class PowerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The machine's power and heat, and what is paused because of them.

    Attributes:
        on_battery: None: the machine does not say.
        charge: Of the battery in percent; None: the machine does not say.
        hot: What shows that the machine slows itself down to cool; None: nothing does.
        paused: The priorities that are not begun at the moment.
        because: Why the highest of them is not.
    """

    on_battery: bool | None = None
    charge: int | None = None
    hot: str | None = None
    paused: list[Priority] = []
    because: str | None = None


class ProcessInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon's process could not tell by its log, or did not take.

    Attributes:
        dropped_lines: Lines of its log that were dropped, since nobody read it.
        settings_refused: How often settings that were to be read again (SIGHUP) were not taken.
        settings_problem: Why those that were said last were not; None: they were taken, or never read again.
        settings_waiting: Those that were said anew and need a start.
        dropped_telemetry: Spans, points of metrics and lines of logs that no collector or file took.
    """

    dropped_lines: int = 0
    settings_refused: int = 0
    settings_problem: str | None = None
    settings_waiting: list[str] = []
    dropped_telemetry: int = 0


class StatusResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon holds and does.

    Attributes:
        version, pid, uptime_s: As those of `ping`.
        worker: The process that owns the base.
        socket: Where the daemon listens.
        output_dir: Where pictures are written.
        lora_roots: Where adapters are read from, beside the packs.
        queue: What waits, in numbers.
        cache: The pictures that can be an answer again.
        state: `warming` until the base is ready, `ready`, `busy` while rendering, `draining` on the way out,
            `degraded` while no worker gets ready (`worker.degraded` says since when and why): what was accepted is
            kept, and no more is taken. An older daemon says `failed` there, and waits for `warm_up`.
        variant: What the daemon was started with.
        base: That one; None while it is not held.
        jobs: Of the renders that the worker has, then the queued ones by priority and age: the first hundred, while
            `queue` counts them all.
        rendered, failed: Renders that ended so; a picture shared by several jobs counts once, one from the cache never.
        variants: Every base that a request may name.
        counts_as: The variant that each of those is whose own name is none, such as a directory, told by its weights.
            One that could not be told is missing; a request for it is answered with why.
        loading: The base that is being loaded now.
        memory: What the worker holds; None while there is no worker that could tell.
        packs: None: the daemon has none.
        compiling: The size that is compiled for now; None while none is.
        journal: None: jobs end with the daemon.
        power: None: no setting asks for it.
        process: What its log could not tell.
        image_roots: Where pictures are read from that others start from, beside the packs and `output_dir`.
        notify_hosts: The hosts that ends may be told at (`notify_url`).
        drafts: Those of `variants` on which drafts are painted where a request does not say.
    """

    version: str
    pid: int
    uptime_s: float
    state: Literal["warming", "ready", "busy", "draining", "degraded", "failed"]
    variant: str
    base: BaseInfo | None
    worker: WorkerInfo
    jobs: list[JobInfo]
    rendered: int
    failed: int
    socket: str
    output_dir: str
    lora_roots: list[str]
    queue: QueueInfo = QueueInfo()
    cache: CacheInfo = CacheInfo()
    variants: list[str] = []
    counts_as: dict[str, str] = {}
    loading: str | None = None
    memory: MemoryInfo | None = None
    packs: PacksInfo | None = None
    compiling: CompilingInfo | None = None
    journal: JournalInfo | None = None
    power: PowerInfo | None = None
    process: ProcessInfo = ProcessInfo()
    image_roots: list[str] = []
    drafts: list[str] = []
    notify_hosts: list[str] = []
