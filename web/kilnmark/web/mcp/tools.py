"""What each tool does: a question of an agent to calls of the daemon, and what came back to an answer.

It is a client of the socket like any other. Neither schemas nor messages of the protocol between agents and servers are
known here.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from kilnmark.client.aio import AsyncClient
from kilnmark.client.errors import BadReply
from kilnmark.client.replays.recorded import RecordedPicture, recorded_picture
from kilnmark.protocol.printable import printable
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.replies import Progress, RenderResult
from kilnmark.protocol.wire.stacks import ExtraLora
from kilnmark.web.located import adapter_folders, located, picture_folders
from kilnmark.web.mcp.answers import (
    JobsAnswer,
    ToolAnswer,
    composition_words,
    inspection_words,
    jobs_words,
    report_words,
)
from kilnmark.web.mcp.asks import ComposeAsk, InspectAsk, JobsAsk, RenderAsk, ShowAsk
from kilnmark.web.mcp.errors import OutsideOutputs

__all__ = ["AgentTools", "OnProgress"]

OnProgress = Callable[[Progress], Awaitable[None]]


class AgentTools:
    """The tools of one server.

    Args:
        client: Asks the daemon.
    """

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def render(self, ask: RenderAsk, on_progress: OnProgress) -> ToolAnswer:
        """Make one picture; giving up to wait cancels it."""
        ask, result = await self._located(ask), None
        async with aclosing(self._client.render_stream(ask.prompt, **_options(ask))) as stream:
            async for item in stream:
                if isinstance(item, RenderResult):
                    result = item
                else:
                    await on_progress(item)
        if result is None:
            raise BadReply("the render ended without a result")
        return ToolAnswer(result, _picture_words(result), (Path(result.image_path),), shows=ask.image)

    async def compose(self, ask: ComposeAsk, _: OnProgress) -> ToolAnswer:
        """Show what a style comes to, and what its files are."""
        fields = {"world": ask.world, "place": ask.place, "prompt": ask.prompt}
        found = await self._client.compose(ask.genre, ask.tier, **_given(fields))
        return ToolAnswer(found, composition_words(found))

    async def inspect(self, ask: InspectAsk, _: OnProgress) -> ToolAnswer:
        """Say what adapter files are, without a base."""
        status = await self._client.status()
        paths = [located(path, adapter_folders(status)) for path in ask.paths]
        found = await self._client.lora_inspect(paths, **_given({"variant": ask.variant}))
        return ToolAnswer(found, inspection_words(found))

    async def jobs(self, ask: JobsAsk, _: OnProgress) -> ToolAnswer:
        """Tell of one job, or of those that are asked for."""
        if ask.job_id is not None:
            return await self._job(ask.job_id, wait=ask.wait)
        if ask.wait:
            raise InvalidParams("wait needs a job_id - at `$.params.wait`; name the job to wait for")
        options = {name: getattr(ask, name) for name in ask.__struct_fields__ if name not in _NO_FILTERS}
        page = await self._client.jobs_page(ask.cursor, ask.limit, **_given(options))
        pictures = tuple(Path(job.image_path) for job in page.jobs if job.image_path)
        return ToolAnswer(JobsAnswer(jobs=page.jobs, next=page.next), jobs_words(page.jobs), pictures)

    async def show(self, ask: ShowAsk, _: OnProgress) -> ToolAnswer:
        """Read what a picture says of itself."""
        root = Path((await self._client.status()).output_dir)
        found = await asyncio.to_thread(_recorded, ask.path, root)
        return ToolAnswer(found, _recorded_words(found), (Path(found.file),), shows=ask.image)

    async def _located(self, ask: RenderAsk) -> RenderAsk:
        """The same with its files as the daemon is asked for them."""
        if not (ask.loras or ask.init_image or ask.reference_images):
            return ask
        status = await self._client.status()
        adapters, pictures = adapter_folders(status), picture_folders(status)
        return replace(
            ask,
            loras=[replace(lora, path=located(lora.path, adapters)) for lora in ask.loras],
            init_image=None if ask.init_image is None else located(ask.init_image, pictures),
            reference_images=[located(path, pictures) for path in ask.reference_images],
        )

    async def _job(self, job_id: str, *, wait: bool) -> ToolAnswer:
        found = await (self._client.jobs_wait(job_id) if wait else self._client.jobs_get(job_id))
        answer = JobsAnswer(jobs=[found.job], result=found.result, error=found.error)
        if found.result is not None:
            return ToolAnswer(answer, _picture_words(found.result), (Path(found.result.image_path),))
        lines = [jobs_words([found.job])]
        if found.error is not None:
            lines += [printable(found.error.message), *report_words(found.error.loras)]
        return ToolAnswer(answer, "\n".join(lines))


_NO_FILTERS = frozenset({"job_id", "wait", "limit", "cursor"})


def _options(ask: RenderAsk) -> dict[str, Any]:
    """The keywords of a render."""
    own = {"prompt", "loras", "image"}
    options = {name: getattr(ask, name) for name in ask.__struct_fields__ if name not in own}
    if ask.genre is None:
        options["lora_paths"] = [lora.path for lora in ask.loras]
        options["lora_scales"] = [lora.scale for lora in ask.loras]
    else:
        options["extra_loras"] = [ExtraLora(path=lora.path, scale=lora.scale) for lora in ask.loras]
    return _given(options)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """What was not left out."""
    return {name: value for name, value in options.items() if value is not None and value != []}


def _recorded(path: str, root: Path) -> RecordedPicture:
    """A picture below the output folder, links resolved.

    Raises:
        OutsideOutputs: it is not below it.
        RefusedPicture: it cannot be read, or says nothing.
    """
    try:
        file = (root / path).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle; characters that no path has
        raise OutsideOutputs(path, str(root)) from error
    if not file.is_relative_to(root.resolve()):
        raise OutsideOutputs(path, str(root))
    return recorded_picture(file)


def _picture_words(result: RenderResult) -> str:
    lines = [f"notice: {result.notice}"] if result.notice else []
    lines += report_words(result.loras)
    lines.append(f"picture: {result.image_path}")
    cached = ", made before" if result.cached else ""
    lines.append(
        f"{result.width}x{result.height}, {result.steps} steps, seed {result.seed}, on {result.variant}{cached}"
    )
    lines += [f"warning: {printable(each)}" for each in result.warnings]
    return "\n".join([*lines, f"job: {result.job_id}"])


def _recorded_words(found: RecordedPicture) -> str:
    record = found.record
    lines = [f"notice: {record.notice}"] if record.notice else []
    if not found.whole:
        lines.append("damaged: a part of the file is not as it was written")
    lines += report_words(record.loras)
    lines += [f"picture: {found.file}", f"prompt: {printable(record.prompt)}", f"seed: {record.seed}"]
    return "\n".join(lines)
