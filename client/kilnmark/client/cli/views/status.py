"""The daemon and its jobs in words: what it holds and does, which jobs there are, and what became of one."""

from collections.abc import Iterable

from rich.console import Console

from kilnmark.client.cli.views.memory import base_rows
from kilnmark.client.cli.views.tables import adapter_table, print_facts, show_render
from kilnmark.protocol.wire.jobs import JobInfo, QueueInfo
from kilnmark.protocol.wire.replies import JobResult
from kilnmark.protocol.wire.status import (
    CacheInfo,
    DegradedInfo,
    JournalInfo,
    PacksInfo,
    PowerInfo,
    ProcessInfo,
    StatusResult,
    WorkerDeath,
)

__all__ = ["show_job", "show_status"]

LAST_WORDS = 10
"""Of the lines that a lost worker wrote, those that people see."""


def show_status(out: Console, status: StatusResult) -> None:
    """What the daemon holds and does."""
    rows = [
        ("state", status.state),
        ("daemon", f"{status.version}, process {status.pid}, up {_duration(status.uptime_s)}"),
        *base_rows(status),
        *([("drafts", f"where a render does not say, on {', '.join(status.drafts)}")] if status.drafts else []),
        ("worker", _worker(status)),
        *_degraded(status.worker.degraded),
        ("renders", f"{status.rendered} done, {status.failed} failed, {_under_way(status)} under way"),
        ("queue", _queue(status.queue)),
        *_power(status.power),
        *((f"  {job.state}", _job(job)) for job in status.jobs),
        *_more_jobs(status),
        ("cache", _cache(status.cache)),
        *_journal(status.journal),
        ("socket", status.socket),
        ("pictures", status.output_dir),
        *(("adapters", root) for root in status.lora_roots),
        *(("images", root) for root in status.image_roots),
        *_packs(status.packs),
        *_process(status.process),
    ]
    if status.worker.last_error:
        rows.append(("last error", status.worker.last_error))
    rows += _last_words(status.worker.death)
    print_facts(out, rows)


def show_job(out: Console, found: JobResult) -> None:
    """One job: what it made, or why it made nothing."""
    if found.result is not None:
        show_render(out, found.result)
        return
    rows: list[tuple[str, str]] = [(found.job.state, _job(found.job))]
    if found.error is not None:
        rows.append(("because", found.error.message))
        rows += [("trace", found.error.trace_id)] if found.error.trace_id else []
    print_facts(out, rows)
    if found.error is not None and found.error.loras:
        out.print(adapter_table(found.error.loras))


def _more_jobs(status: StatusResult) -> Iterable[tuple[str, str]]:
    if (more := _under_way(status) - len(status.jobs)) > 0:
        yield "  queued", f"and {more} more; `kilnmark jobs` tells of all"


def _under_way(status: StatusResult) -> int:
    """An older daemon tells no count of those that run, and all jobs instead of the first."""
    queue = status.queue
    return max(len(status.jobs), queue.running + queue.high + queue.normal + queue.low)


def _worker(status: StatusResult) -> str:
    worker = status.worker
    facts = ["no process" if worker.pid is None else f"process {worker.pid}"]
    if worker.renders:
        facts.append(_count(worker.renders, "render"))
    if worker.restarts:
        facts.append(f"restarted {_times(worker.restarts)}")
    if worker.recycled:
        facts.append(f"replaced {_times(worker.recycled)}")
    return ", ".join(facts)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _degraded(degraded: DegradedInfo | None) -> Iterable[tuple[str, str]]:
    if degraded is None:
        return
    again = "is being tried again" if degraded.next_try_s is None else f"tried again in {degraded.next_try_s:.0f} s"
    yield "  none", f"since {degraded.since}, {_count(degraded.tries, 'try', 'tries')}, {again}: {degraded.reason}"


def _last_words(death: WorkerDeath | None) -> Iterable[tuple[str, str]]:
    """What the last worker that was lost had written: its first failure, and its end."""
    if death is None:
        return
    yield "  lost", f"{death.at}, process {death.pid}"
    lines, failure = death.words.lines[-LAST_WORDS:], death.words.first_failure
    if failure is not None and failure not in lines:
        yield "  it wrote", failure
    if (left_out := death.words.lines_before + len(death.words.lines) - len(lines)) > 0:
        yield "", f"({_count(left_out, 'line')} before its last; `kilnmark status --json` has the last 200)"
    yield from (("  it wrote", line) for line in lines)


def _queue(queue: QueueInfo) -> str:
    return (
        f"{queue.high} high, {queue.normal} normal, {queue.low} low; "
        f"{queue.switches} switches of stack, {queue.shared} shared renders so far"
    )


def _cache(cache: CacheInfo) -> str:
    if not cache.limit_bytes:
        return "off"
    sizes = f"{cache.bytes / 2**20:.0f} of {cache.limit_bytes / 2**20:.0f} MiB"
    return f"{cache.entries} pictures, {sizes}; {cache.hits} hits so far"


def _journal(journal: JournalInfo | None) -> Iterable[tuple[str, str]]:
    """Where jobs are kept; nothing where none is: an older daemon has none either."""
    if journal is None:
        return
    yield "journal", journal.path
    if journal.problem is not None:
        yield "  problem", f"it cannot be written, so no render is taken: {journal.problem}"
    if journal.moved_aside is not None:
        yield "  problem", f"it was damaged when the daemon was started; what it was then is in {journal.moved_aside}"


def _power(power: PowerInfo | None) -> Iterable[tuple[str, str]]:
    """How the machine is, and what waits because of it; nothing where no setting asks for it."""
    if power is None:
        return
    known = {None: "the machine does not say what it runs on", True: "on battery", False: "on line"}[power.on_battery]
    charge = "" if power.charge is None else f", battery at {power.charge}%"
    yield "power", f"{known}{charge}{f', {power.hot}' if power.hot else ''}"
    if power.paused:
        yield "  paused", f"{', '.join(power.paused)} priority: {power.because}"


def _process(process: ProcessInfo) -> Iterable[tuple[str, str]]:
    """What its log could not tell; nothing where there is nothing."""
    if process.dropped_lines:
        yield "log", f"{_count(process.dropped_lines, 'line')} dropped, since nobody read"
    if process.dropped_telemetry:
        yield "telemetry", f"{_count(process.dropped_telemetry, 'item')} dropped, since nobody took"
    if process.settings_problem is not None:
        yield "settings", f"those said last were not taken: {process.settings_problem}"
    if process.settings_waiting:
        yield "settings", f"{', '.join(process.settings_waiting)}: said anew, and need a start"


def _packs(packs: PacksInfo | None) -> Iterable[tuple[str, str]]:
    if packs is None:
        return
    yield "packs", f"{packs.folder}: {_count(packs.genres, 'genre')}, {_count(packs.worlds, 'world')}"
    if packs.kept:
        yield "  kept", f"{', '.join(packs.kept)}: as before an edit that broke them"
    for problem in packs.problems:
        yield "  problem", str(problem)
    if packs.problem_count > len(packs.problems):
        yield "  problem", f"and {packs.problem_count - len(packs.problems)} more"


def _job(job: JobInfo) -> str:
    facts = [job.job_id]
    if job.steps:
        facts.append(f"step {job.step} of {job.steps}")
    if job.priority != "normal":
        facts.append(f"{job.priority} priority")
    if job.shared_with is not None:
        facts.append(f"the picture of {job.shared_with}")
    if job.paused is not None:
        facts.append(f"paused: {job.paused}")
    return ", ".join(facts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _count(number: int, what: str, many: str = "") -> str:
    return f"{number} {what}" if number == 1 else f"{number} {many or what + 's'}"
