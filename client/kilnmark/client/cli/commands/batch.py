"""`kilnmark batch poi|portrait|creature`: one command in three flavours, from packs to a folder of pictures.

Options in, exit code out. With `--dry-run` neither a daemon nor a model is needed, and nothing is written.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kilnmark.client.cli.commands.dry_run import rehearsed
from kilnmark.client.cli.commands.farming import FARM_OPTIONS, AskedFarm
from kilnmark.client.cli.commands.picking import PICK_OPTIONS, Picking
from kilnmark.client.cli.exits import exit_code_of
from kilnmark.client.cli.left import telling_uncancelled
from kilnmark.client.cli.options import WholeNumber, draft_option, json_option, socket_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.protocol.errors import KilnmarkError

if TYPE_CHECKING:
    from kilnmark.client.batch.plan.plan import Plan, Wishes
    from kilnmark.client.batch.plan.subjects import Kind
    from kilnmark.client.batch.published.publish import Publication
    from kilnmark.client.batch.run.ledger import Ledger
    from kilnmark.client.batch.run.paints import Paints
    from kilnmark.client.batch.run.tally import Tally
    from kilnmark.otel.measures import Measures

__all__ = ["SILENT", "batch"]

_FOLDER = HomePath(exists=True, file_okay=False, path_type=Path)


@click.group()
def batch() -> None:
    """Paint what packs describe: places, people, creatures.

    A batch can be stopped at any moment and run again: what is there stays, unless what it is made of has changed.
    """


@dataclass(frozen=True, kw_only=True)
class _Options:
    """What only the painting needs; the plan has its own."""

    out: Path
    base: Path | None
    dry_run: bool
    force: bool
    compare_base: bool
    notify_url: str | None
    socket: str | None
    as_json: bool
    farm: AskedFarm
    picking: Picking


def _command(kind: "Kind", of: str, source: str) -> None:
    @batch.command(kind, help=f"Paint the {of} of every {source}.\n\n{_HELP}")
    @_options
    def paint(packs: Path, lora_roots: tuple[Path, ...], **given: Any) -> None:
        from kilnmark.client.batch.plan.plan import Wishes

        chosen = {
            name: given.pop(name) for name in ("genre", "world", "tier", "steps", "takes", "limit", "only", "draft")
        }
        farm = AskedFarm(**{name: given.pop(name) for name in AskedFarm.__dataclass_fields__})
        farm.require_fitting(given["notify_url"], force=given["force"])
        picking = Picking(**{name: given.pop(name) for name in Picking.__dataclass_fields__})
        wishes = Wishes(kind=kind, packs=packs.absolute(), lora_roots=lora_roots, **chosen)
        click.get_current_context().exit(_run(wishes, _Options(picking=picking, farm=farm, **given)))


def _run(wishes: "Wishes", options: _Options) -> int:
    from kilnmark.client.batch.plan.tokens import TokenCounter
    from kilnmark.client.tracing import traced_command

    counter = TokenCounter(options.base)
    plan, wishes = options.picking.planned(wishes, counter, options.out, dry_run=options.dry_run)
    for word, notes in (("warning", plan.warnings), ("problem", plan.problems)):
        for note in notes:
            write_line(f"{word}: {note}", aside=True)
    if not options.dry_run:
        with traced_command(measured=True) as measures:  # which ends after the outcome was shown
            return _paint(plan, wishes, options, measures)
    return rehearsed(plan, options.out, options.socket, options.farm, as_json=options.as_json)


def _paint(plan: "Plan", wishes: "Wishes", options: _Options, measures: "Measures") -> int:
    from kilnmark.client.batch.page.page import PAGE, write_page
    from kilnmark.client.batch.run.asked import AskedBatch
    from kilnmark.client.batch.run.ledger import open_ledger
    from kilnmark.client.batch.run.manifest import MANIFEST
    from kilnmark.client.batch.run.measured import measure_batch
    from kilnmark.client.batch.run.tally import Tally
    from kilnmark.client.cli.views.batch import show_run
    from kilnmark.client.cli.views.batch_bar import batch_bar
    from kilnmark.client.cli.views.batch_documents import plain_problems, run_document
    from kilnmark.client.cli.views.tables import console, show_failure

    _require_address(options)
    tally, began = Tally(len(plan.items)), time.monotonic()
    with open_ledger(options.out) as ledger:
        asked = AskedBatch.of(wishes, compare_base=options.compare_base)
        ledger.write_problems(wishes, asked, plain_problems(plan.problems), plain_problems(plan.warnings))
        try:
            with batch_bar(tally) as move:

                def on_change() -> None:
                    move()
                    measure_batch(measures, tally)

                error = _stopped_by(lambda: asyncio.run(_ask(plan, wishes, options, ledger, tally, on_change)))
            settling = _stopped_by(lambda: options.picking.settle(ledger, plan, wishes, tally))
            error = error or settling
        finally:
            write_page(options.out, ledger.manifest, options.picking.files(options.out, wishes.packs))
    published: list[Publication | None] = []
    if error is None:
        error = _stopped_by(lambda: published.append(options.picking.publish(options.out, wishes.packs)))
    document = run_document(
        plan,
        tally,
        options.out,
        seconds=time.monotonic() - began,
        manifest=options.out / MANIFEST,
        page=options.out / PAGE,
        published=next(iter(published), None),
        error=error,
    )
    if options.as_json:
        write_document(document)
    else:
        show_run(console(), document)
    code = tally.exit_code(problems=bool(plan.problems)) if error is None else exit_code_of(error)
    _leave_end(wishes.kind, tally, options, code, error)
    if error is not None:
        show_failure(console(stderr=True), f"{error}; run the same command again to go on", ())
    return code


def _require_address(options: _Options) -> None:
    """Raises InvalidParams where its end is to be told at an address that the daemon does not allow."""
    from kilnmark.client.batch.run.notified import require_notify_host

    if options.notify_url is not None:
        asyncio.run(require_notify_host(options.socket, options.notify_url))


def _leave_end(kind: str, tally: "Tally", options: _Options, code: int, error: KilnmarkError | None) -> None:
    """Have its end told, where that was asked for; that it cannot be is said, and changes nothing of how it ended."""
    from kilnmark.client.batch.page.page import PAGE
    from kilnmark.client.batch.run.manifest import MANIFEST
    from kilnmark.client.batch.run.notified import batch_end, leave_batch_end

    if (url := options.notify_url) is None:
        return
    files = {"manifest": options.out / MANIFEST, "page": options.out / PAGE}
    end = batch_end(kind, tally, options.out, **files, exit_code=code, error=error)
    if (problem := _stopped_by(lambda: asyncio.run(leave_batch_end(options.socket, url, end)))) is not None:
        write_line(f"warning: the end of this batch is not told at {url}: {problem}", aside=True)


def _stopped_by(work: Callable[[], object]) -> KilnmarkError | None:
    """What ended it early; None: nothing did."""
    try:
        work()
    except KilnmarkError as error:
        return error
    return None


_AWAY = 600.0
"""Seconds for which a batch waits for a daemon that went away: it is to go on over a restart in the night."""

SILENT = 180.0
"""Seconds for which a batch waits for a daemon that says nothing: longer than systemd takes to end one that hangs."""


async def _ask(
    plan: "Plan", wishes: "Wishes", options: _Options, ledger: "Ledger", tally: "Tally", move: Callable[[], None]
) -> None:
    from kilnmark.client.batch.page.growing import GrowingPage, growing_page
    from kilnmark.client.batch.run.paused import follow_pauses
    from kilnmark.client.batch.run.run import Painter

    files = options.picking.files(options.out, wishes.packs)
    page = GrowingPage(ledger, tally, files, lambda words: write_line(words, aside=True))
    async with _paints(wishes, options) as client, growing_page(page):
        painter = Painter(client, ledger, tally, move, force=options.force, picks=wishes.picks, decided=files.read)
        pauses = asyncio.create_task(
            follow_pauses(client, lambda reason: _tell_pause(tally, move, reason, options.farm.painter))
        )
        try:
            await painter.paint(plan.items, compare_base=options.compare_base)
        finally:
            pauses.cancel()


@asynccontextmanager
async def _paints(wishes: "Wishes", options: _Options) -> AsyncIterator["Paints"]:
    """Who paints: the daemon, or the farm that was named."""
    from kilnmark.client.aio import AsyncClient

    if options.farm.address is not None:
        async with options.farm.painting(options.out, f"batch {wishes.kind}") as farm:
            yield farm
        return
    async with AsyncClient(options.socket, away_timeout=_AWAY, silence_timeout=SILENT) as client:
        with telling_uncancelled(client):
            yield client


def _tell_pause(tally: "Tally", move: Callable[[], None], reason: str | None, who: str = "daemon") -> None:
    """In the bar; in a line where there is none."""
    tally.paused = reason
    move()
    if not sys.stderr.isatty():
        write_line("it goes on" if reason is None else f"the {who} begins none of this batch: {reason}", aside=True)


_HELP = """Pictures, `manifest.json` and the review page `index.html` are left in --out. What the manifest knows is not
painted again, unless its prompt, its adapters' contents, its seed or its numbers have changed. An entry that cannot be
used is named with file and line, and stops no other; the exit code is 3 if an adapter did not engage or was refused,
else 1 if anything failed or cannot be used."""


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of all three, in the order of the help."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option(
        "--packs", type=_FOLDER, required=True, metavar="DIR", help="The folder of packs, one genre a folder."
    ),
    click.option("--genre", metavar="NAME", help="Only this one."),
    click.option("--world", metavar="NAME", help="Only worlds of this name, and not what lies in the genre itself."),
    click.option(
        "--out",
        type=HomePath(file_okay=False, path_type=Path),
        default=Path("pictures"),
        show_default=True,
        metavar="DIR",
        help="Where the pictures go.",
    ),
    click.option(
        "--dry-run",
        is_flag=True,
        help="Show prompts, stacks, seeds, dead adapters and expected time; paint nothing.",
    ),
    click.option("--force", is_flag=True, help="Paint what is there, too; what was accepted stays."),
    click.option("--limit", type=WholeNumber(min=0), metavar="N", help="No more than the first N entries."),
    click.option("--tier", metavar="NAME", help="Another kind of picture than this command's own."),
    click.option("--steps", type=WholeNumber(1, 100), metavar="N", help="Denoise steps, instead of the tier's."),
    draft_option,
    click.option(
        "--seeds",
        "takes",
        type=WholeNumber(1, 100),
        default=1,
        show_default=True,
        metavar="N",
        help="Pictures of each entry, each with a seed of its own.",
    ),
    click.option("--compare-base", is_flag=True, help="Paint each without its adapters, too, with the same seed."),
    click.option(
        "--lora-root",
        "lora_roots",
        type=_FOLDER,
        multiple=True,
        metavar="DIR",
        help="A further folder that adapters may lie in, as the daemon's. Repeat it for several.",
    ),
    click.option(
        "--base",
        type=_FOLDER,
        metavar="DIR",
        help="A base's directory whose tokenizers count the prompts. [default: one that was fetched before, else the "
        "counts are estimated]",
    ),
    click.option("--notify-url", metavar="URL", help="Where its end is told, on a host that the daemon allows."),
    *PICK_OPTIONS,
    *FARM_OPTIONS,
    socket_option,
    json_option,
)

_command("poi", "points of interest", "history.yaml")
_command("portrait", "characters", "portrait_manifest.yaml")
_command("creature", "creatures", "creatures.yaml")
