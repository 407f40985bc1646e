"""The tools as a server of the Model Context Protocol, by its official SDK.

Which tools there are, what each takes and answers with; messages of the protocol are made and read by the SDK. A tool
that found a dead adapter answers with an error that carries the reports, so that no agent takes it for a success.
"""

import base64
import importlib.metadata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from kilnmark.client.aio import AsyncClient
from kilnmark.client.errors import ClientError
from kilnmark.client.replays.recorded import RecordedPicture
from kilnmark.client.reports import reports_of
from kilnmark.client.web.files import thumbnail
from kilnmark.protocol.content.composition import Composition
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire import jsonrpc
from kilnmark.protocol.wire.errors import InvalidParams, RequestError
from kilnmark.protocol.wire.inspection import InspectionDocument
from kilnmark.protocol.wire.replies import Progress, RenderResult
from kilnmark.web.fields import check_fields
from kilnmark.web.mcp.answers import JobsAnswer, ToolAnswer, ToolFailure, report_words
from kilnmark.web.mcp.asks import ComposeAsk, InspectAsk, JobsAsk, RenderAsk, ShowAsk
from kilnmark.web.mcp.schemas import input_schema, output_schema
from kilnmark.web.mcp.tools import AgentTools, OnProgress

if TYPE_CHECKING:
    from mcp.server import Server
    from mcp.server.context import ServerRequestContext
    from mcp.types import (
        CallToolRequestParams,
        CallToolResult,
        ContentBlock,
        ListToolsResult,
        PaginatedRequestParams,
        Tool,
    )

__all__ = ["agent_server"]

INSTRUCTIONS = (
    "Pictures by a warm diffusion model on this machine, with proof of what each LoRA adapter changed. Every picture "
    "is a PNG on this machine's disk, whose path is in the answer. Read the verdict of each adapter: only `engaged` is "
    "healthy, `partial` is half-dead, `noop` and `refused` changed nothing. `compose` shows a genre's stack before "
    "anything is painted, `inspect` what an adapter file is, `jobs` what was made, `show` what a picture says."
)


@dataclass(frozen=True)
class _AgentTool:
    """One row of the table: its words for agents, its types, and what is done."""

    name: str
    title: str
    description: str
    ask: type[msgspec.Struct]
    result: type[msgspec.Struct]
    run: Callable[[AgentTools, Any, OnProgress], Awaitable[ToolAnswer]]
    reads: bool = True

    @property
    def told(self) -> "Tool":
        """As the protocol tells of it."""
        from mcp.types import Tool, ToolAnnotations

        return Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=input_schema(self.ask),
            output_schema=output_schema(self.result),
            annotations=ToolAnnotations(
                read_only_hint=self.reads, destructive_hint=False, idempotent_hint=self.reads, open_world_hint=False
            ),
        )


_TOOLS = {
    tool.name: tool
    for tool in (
        _AgentTool(
            "render",
            "Make a picture",
            "Make one picture and report what each adapter changed. A dead adapter is an error with the reports.",
            RenderAsk,
            RenderResult,
            AgentTools.render,
            reads=False,
        ),
        _AgentTool(
            "compose",
            "Show a style",
            "Show what a genre, world and tier come to: its prompt, its stack and what its files are. No picture.",
            ComposeAsk,
            Composition,
            AgentTools.compose,
        ),
        _AgentTool(
            "inspect",
            "Inspect adapter files",
            "Say what LoRA adapter files are, and whether they could change anything, without a base.",
            InspectAsk,
            InspectionDocument,
            AgentTools.inspect,
        ),
        _AgentTool(
            "jobs",
            "Look at jobs",
            "List the pictures that were made or wait, by style, adapter, verdict, text or day; or tell of one job.",
            JobsAsk,
            JobsAnswer,
            AgentTools.jobs,
        ),
        _AgentTool(
            "show",
            "Show a picture's record",
            "Read what a picture says of itself: how it was made, and what each adapter changed.",
            ShowAsk,
            RecordedPicture,
            AgentTools.show,
        ),
    )
}


def agent_server(client: AsyncClient) -> "Server[dict[str, Any]]":
    """A server whose tools ask the daemon of a client, which stays the caller's to close."""
    from mcp.server import Server
    from mcp.types import ListToolsResult

    tools = AgentTools(client)

    async def list_tools(
        _: "ServerRequestContext[dict[str, Any]]", __: "PaginatedRequestParams | None"
    ) -> "ListToolsResult":
        return ListToolsResult(tools=[tool.told for tool in _TOOLS.values()])

    async def call_tool(
        context: "ServerRequestContext[dict[str, Any]]", params: "CallToolRequestParams"
    ) -> "CallToolResult":
        async def on_progress(progress: Progress) -> None:
            await context.session.report_progress(progress.progress, progress.total, progress.message)

        return _message(await _answer(tools, params, on_progress))

    return Server(
        "kilnmark",
        version=importlib.metadata.version("kilnmark"),
        title="kilnmark",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def _answer(tools: AgentTools, params: "CallToolRequestParams", on_progress: OnProgress) -> ToolAnswer:
    tool = _TOOLS.get(params.name)
    if tool is None:
        named = f"there is no tool {params.name[:200]!r}; use one of {', '.join(_TOOLS)}"
        return _failure(ToolFailure(kind="unknown_tool", message=named))
    try:
        check_fields(tool.ask, params.arguments or {})
        ask = jsonrpc.params_as(tool.ask, _encoded(params.arguments or {}))
        return await tool.run(tools, ask, on_progress)
    except KilnmarkError as error:
        return _failure(_told(error))


def _encoded(arguments: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(arguments)
    except UnicodeEncodeError as error:
        raise InvalidParams("the arguments hold half a character (a lone surrogate); send whole text") from error


def _told(error: KilnmarkError) -> ToolFailure:
    """An error in the words of arguments: their paths begin at the arguments, not at a request of ours."""
    message = str(error).replace("`$.params.", "`")
    if not isinstance(error, RequestError | ClientError):
        return ToolFailure(kind="failed", message=message)
    trace_id = error.trace_id if isinstance(error, RequestError) else ""
    return ToolFailure(
        kind=error.kind, message=message, retryable=error.retryable, loras=reports_of(error), trace_id=trace_id
    )


def _failure(failure: ToolFailure) -> ToolAnswer:
    return ToolAnswer(failure, "\n".join([failure.message, *report_words(failure.loras)]), failed=True)


def _message(answer: ToolAnswer) -> "CallToolResult":
    from mcp.types import CallToolResult, ResourceLink, TextContent

    content: list[ContentBlock] = [TextContent(text=answer.words)]
    for path in answer.pictures:
        content.append(ResourceLink(uri=path.as_uri(), name=path.name, mime_type="image/png"))
        if answer.shows:
            content.append(_small(path))
    return CallToolResult(
        content=content, structured_content=msgspec.to_builtins(answer.result), is_error=answer.failed
    )


def _small(path: Path) -> "ContentBlock":
    """A small copy of a picture, or why there is none."""
    from mcp.types import ImageContent, TextContent

    try:
        return ImageContent(data=base64.b64encode(thumbnail(path)).decode(), mime_type="image/jpeg")
    except OSError as error:
        return TextContent(text=f"the picture cannot be shown: {error}")
