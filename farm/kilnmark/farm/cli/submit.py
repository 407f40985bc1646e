"""`kilnmark farm submit`: work handed in: what a batch takes, or requests as JSON lines."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import click
import msgspec

from kilnmark.client.cli.commands.batch import batch
from kilnmark.client.cli.commands.farming import FARM_OPTIONS, AskedFarm
from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.client.many import Rendered
from kilnmark.farm.errors import FarmNotUsable
from kilnmark.farm.submit.client import FarmClient
from kilnmark.farm.submit.specs import SpecLine, Specs, read_specs
from kilnmark.keymaps.files.linked import linked_whole
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.errors import AdapterNotEngaged, AdapterRefused

__all__ = ["submit"]

_FOLDER = HomePath(exists=True, file_okay=False, path_type=Path)


class SubmittedLine(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one line.

    Attributes:
        line: Its number, from 1.
        job_id: Of its job; empty where it is none.
        state: `handed_in`; `done`, where it is waited for or was before; `failed`.
        picture: Where it lies; empty where there is none, or nobody waits for it.
        node: Who painted it.
        message: Why it failed, or which of its adapters did not engage.
    """

    line: int
    job_id: str = ""
    state: str
    picture: str = ""
    node: str = ""
    message: str = ""


class SubmittedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file of requests.

    Attributes:
        submission: The id of all that was handed in.
    """

    submission: str
    lines: list[SubmittedLine]


class _Submit(click.Group):
    """Whose commands are those of `batch`, and any file."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is lines:
            return "FILE", lines, args
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them; what looks like a file's name is one."""
        found = super().get_command(ctx, cmd_name)
        return lines if found is None and ("." in cmd_name or "/" in cmd_name) else found


@click.group(cls=_Submit, short_help="Hand in work: a batch, or requests in a file.")
def submit() -> None:
    """Hand in work, and leave: `poi`, `portrait` or `creature` with what `kilnmark batch` takes, or a FILE of requests.

    FILE has a JSON object a line, with the keywords of `render`: {"prompt": "a hill", "lora_paths": ["a.safetensors"]}.
    A relative path is one below the folder that this is said in. A genre, a world and a tier are composed here, from
    --packs. Handed in again, the same lines are the same jobs, of which none is painted twice. `kilnmark farm submit
    FILE --help` has the options of a FILE.
    """


def _detached(command: click.Command) -> click.Command:
    """A command of `batch` that hands in, and leaves."""
    given = command.callback

    def hand_in(**options: Any) -> None:
        options["address"], options["detached"] = options["address"] or "", True
        cast("Any", given)(**options)

    help_ = (command.help or "").replace("Paint ", "Hand in ", 1)
    kept = [option for option in command.params if option.name != "detached"]
    return click.Command(command.name, params=kept, callback=hand_in, help=help_)


for _kind in batch.commands.values():
    submit.add_command(_detached(_kind))


class _LinesCommand(click.Command):
    """Whose name is its argument."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click says what there is
        """What is behind the name."""
        return ["[OPTIONS]"]


@click.command(cls=_LinesCommand, name="FILE", hidden=True)
@click.argument("file", type=HomePath(exists=True, dir_okay=False, path_type=Path))
@click.option("--packs", type=_FOLDER, metavar="DIR", help="The folder of packs that genres are composed from.")
@click.option(
    "--lora-root", "lora_roots", type=_FOLDER, multiple=True, metavar="DIR", help="A further folder of their adapters."
)
@click.option("--wait", is_flag=True, help="Wait for all of it, and put the pictures into --out.")
@click.option(
    "--out",
    type=HomePath(file_okay=False, path_type=Path),
    default=Path("pictures"),
    show_default=True,
    metavar="DIR",
    help="Where pictures go, each by its job's id.",
)
@json_option
def lines(
    file: Path,
    packs: Path | None,
    lora_roots: tuple[Path, ...],
    out: Path,
    *,
    wait: bool,
    as_json: bool,
    **farm: Any,
) -> None:
    """Hand in the requests of FILE, a JSON object a line with the keywords of `render`."""
    farm["address"] = farm["address"] or ""
    asked = AskedFarm(**farm, detached=not wait)
    asked.require_fitting(None, force=False)
    found = None if packs is None else packs.absolute()
    document, code = asyncio.run(_hand_in(file, asked, out, found, lora_roots))
    if as_json:
        write_document(document)
    click.get_current_context().exit(code)


for _option in reversed(FARM_OPTIONS):
    lines = _option(lines)
lines.params = [option for option in lines.params if option.name != "detached"]


async def _hand_in(
    file: Path, asked: AskedFarm, out: Path, packs: Path | None, lora_roots: tuple[Path, ...]
) -> tuple["SubmittedDocument", ExitCode]:
    with _own_folder(out, detached=asked.detached) as own:
        return await _handed_in(file, asked, out, own, packs, lora_roots)


@contextmanager
def _own_folder(out: Path, *, detached: bool) -> Iterator[Path]:
    """Where pictures are on their way, beside those of whoever else has some put there."""
    if detached:
        yield out
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        made = tempfile.TemporaryDirectory(prefix=".farm-", dir=out)
    except OSError as error:
        raise FarmNotUsable(str(out), f"cannot be written ({error.strerror or error}); name another") from error
    with made as own:
        yield Path(own)


async def _handed_in(
    file: Path, asked: AskedFarm, out: Path, own: Path, packs: Path | None, lora_roots: tuple[Path, ...]
) -> tuple["SubmittedDocument", ExitCode]:
    async with asked.painting(own, f"submit {file.name}") as painting:
        client = cast("FarmClient", painting)
        status = await client.status()
        if status.power is not None and not asked.detached:
            write_line(f"{status.power.because}; this waits until one does", aside=True)
        specs = Specs(status, packs, lora_roots)
        read = await asyncio.to_thread(lambda: list(read_specs(file, specs)))
        return await _followed(client, file, read, out)


async def _followed(
    client: FarmClient, file: Path, read: Sequence[SpecLine], out: Path
) -> tuple[SubmittedDocument, ExitCode]:
    told: dict[int, SubmittedLine] = {}
    code = ExitCode.DONE
    for line in read:
        for warning in line.warnings:
            write_line(f"{file}:{line.number}: warning: {warning}", aside=True)
        if line.request is None:
            code = ExitCode.FAILED
            told[line.number] = SubmittedLine(line=line.number, state="failed", message=line.problem)
            write_line(f"{file}:{line.number}: {line.problem}", aside=True)
    good = [line for line in read if line.request is not None]
    async for ending in client.render_many([cast("Any", line.request) for line in good], ordered=False):
        line = good[ending.index]
        became = told[line.number] = _told(line, ending, out)
        if isinstance(ending.error, AdapterNotEngaged | AdapterRefused) or (ending.error is None and became.message):
            code = ExitCode.NOT_ENGAGED
        elif ending.error is not None:
            code = max(code, ExitCode.FAILED)
        painted = f"{became.picture}, painted by {became.node}" if became.picture else ""
        write_line(f"{file}:{line.number}: {'; '.join(filter(None, (painted, became.message)))}", aside=True)
    for line in good:
        job_id = cast("Any", line.request)["job_id"]
        state = "done" if job_id in client.painted_before else "handed_in"
        told.setdefault(line.number, SubmittedLine(line=line.number, job_id=job_id, state=state))
    return SubmittedDocument(submission=client.submission, lines=[told[number] for number in sorted(told)]), code


def _told(line: SpecLine, ending: Rendered, out: Path) -> SubmittedLine:
    job_id = cast("Any", line.request)["job_id"]
    if ending.result is None:
        return SubmittedLine(line=line.number, job_id=job_id, state="failed", message=str(ending.error))
    picture, source = out / f"{job_id}.png", Path(ending.result.image_path)
    try:
        if not linked_whole(source, picture):
            shutil.copyfile(source, picture)
    except OSError as error:
        raise FarmNotUsable(str(out), f"cannot be written ({error.strerror or error}); name another") from error
    found = ending.result
    dead = [f"{each.name} is {each.verdict}: {each.reason}" for each in found.loras if each.verdict != Verdict.ENGAGED]
    return SubmittedLine(
        line=line.number,
        job_id=job_id,
        state="done",
        picture=str(picture),
        node=found.node,
        message="; ".join(dead),
    )
