"""What an agent gets of each tool, asked by the SDK's own client in this process; a fake worker paints."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from mcp import Client
from mcp_types import CallToolResult, ImageContent, ResourceLink, TextContent

from kilnmark.client import AsyncClient, JobChange, RenderResult
from kilnmark.client.testing import fake_daemon
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import FakeWorker, Script
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict
from kilnmark.web.mcp.server import agent_server
from tests.client.batch.packs import make_packs

SMALL: dict[str, Any] = {"width": 64, "height": 64, "steps": 2, "seed": 7}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessDaemon]:
    packs = tmp_path_factory.mktemp("packs")
    make_packs(packs, base_seed=7)
    worker = FakeWorker(Script(verdicts={"ash": Verdict.NOOP}))
    with InProcessDaemon(worker, packs=packs) as serving:
        for name in ("ash", "oak"):
            make_adapter(serving.loras / f"{name}.safetensors", rank=1, blocks=1)
        yield serving


@asynccontextmanager
async def agent(socket: str | Path) -> AsyncIterator[Client]:
    async with (
        asyncio.timeout(30),
        AsyncClient(socket, away_timeout=0) as client,
        Client(agent_server(client)) as asking,
    ):
        yield asking


def asked(daemon: InProcessDaemon, course: Callable[[Client], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with agent(daemon.socket) as asking:
            return await course(asking)

    return asyncio.run(run())


def call(daemon: InProcessDaemon, tool: str, **arguments: Any) -> CallToolResult:
    found = asked(daemon, lambda asking: asking.call_tool(tool, arguments))
    assert isinstance(found, CallToolResult)
    return found


def words(found: CallToolResult) -> str:
    return "\n".join(each.text for each in found.content if isinstance(each, TextContent))


def test_every_tool_is_told_with_schemas_that_are_schemas(daemon: InProcessDaemon) -> None:
    async def course(asking: Client) -> Any:
        return (await asking.list_tools()).tools

    tools = asked(daemon, course)
    assert [tool.name for tool in tools] == ["render", "compose", "inspect", "jobs", "show"]
    for tool in tools:
        Draft202012Validator.check_schema(tool.input_schema)
        Draft202012Validator.check_schema(tool.output_schema)
        assert (tool.input_schema["type"], tool.output_schema["type"]) == ("object", "object")
        assert tool.input_schema["additionalProperties"] is False
        assert bool(tool.annotations.read_only_hint) is (tool.name != "render")


def test_a_picture_is_a_file_below_the_output_folder_with_its_reports(daemon: InProcessDaemon) -> None:
    heard: list[str | None] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        assert progress <= (total or 0)
        heard.append(message)

    arguments = {"prompt": "a fox", **SMALL, "loras": [{"path": "oak.safetensors", "scale": 0.5}], "image": True}
    found = asked(daemon, lambda asking: asking.call_tool("render", arguments, progress_callback=on_progress))
    assert not found.is_error
    result = msgspec.convert(found.structured_content, RenderResult)
    [report] = result.loras
    assert (report.name, report.scale, report.verdict) == ("oak", 0.5, Verdict.ENGAGED)
    assert Path(result.image_path).is_relative_to(daemon.pictures)
    [link] = [each for each in found.content if isinstance(each, ResourceLink)]
    assert link.uri == Path(result.image_path).as_uri()
    [image] = [each for each in found.content if isinstance(each, ImageContent)]
    assert base64.b64decode(image.data).startswith(b"\xff\xd8")
    assert "denoise 1/2" in heard
    assert "adapter oak: engaged" in words(found)


def test_a_dead_adapter_is_an_error_with_its_report(daemon: InProcessDaemon) -> None:
    found = call(daemon, "render", prompt="a mill", **SMALL, loras=[{"path": "ash.safetensors"}])
    assert found.is_error
    assert found.structured_content is not None
    assert found.structured_content["kind"] == "adapter_not_engaged"
    [report] = found.structured_content["loras"]
    assert (report["name"], report["verdict"]) == ("ash", "noop")
    assert "adapter ash: noop" in words(found)


def test_a_picture_with_a_dead_adapter_that_was_wanted_says_so_first(daemon: InProcessDaemon) -> None:
    stack = [{"path": "oak.safetensors"}, {"path": "ash.safetensors"}]
    found = call(daemon, "render", prompt="a tower", **SMALL, loras=stack, on_mismatch="warn")
    assert not found.is_error
    _, first, second, *_ = words(found).splitlines()  # a notice goes before: the fake worker's own
    assert (first.startswith("adapter ash: noop"), second.startswith("adapter oak: engaged")) == (True, True)
    listed = call(daemon, "jobs", verdict="noop", text="tower")
    assert listed.structured_content is not None
    [job] = listed.structured_content["jobs"]
    assert (job["dead"], job["state"]) == (1, "done")
    assert "; noop ash; " in words(listed)


def test_a_genre_is_composed_and_rendered_by_its_names(daemon: InProcessDaemon) -> None:
    found = call(daemon, "compose", genre="ash", tier="landscape", prompt="a gate")
    assert found.structured_content is not None
    assert [lora["name"] for lora in found.structured_content["loras"]] == ["ink"]
    assert "inkwash" in words(found)
    made = call(daemon, "render", genre="ash", tier="landscape", prompt="a gate", seed=3)
    assert made.structured_content is not None
    assert made.structured_content["stack"]["names"] == ["ink"]
    wrong = call(daemon, "compose", genre="ask", tier="landscape")
    assert (wrong.is_error, "ash" in words(wrong)) == (True, True)


def test_files_are_inspected_and_pictures_read(daemon: InProcessDaemon) -> None:
    found = call(daemon, "inspect", paths=["oak.safetensors", "none.safetensors"])
    assert found.structured_content is not None
    assert [each["verdict"] for each in found.structured_content["files"]][1] == "refused"
    made = call(daemon, "render", prompt="a harbour", **SMALL)
    assert made.structured_content is not None
    path = made.structured_content["image_path"]
    shown = call(daemon, "show", path=Path(path).name)
    assert shown.structured_content is not None
    assert shown.structured_content["record"]["prompt"] == "a harbour"
    job = call(daemon, "jobs", job_id=made.structured_content["job_id"], wait=True)
    assert job.structured_content is not None
    assert job.structured_content["result"]["image_path"] == path


def test_nothing_outside_the_output_folder_is_shown(daemon: InProcessDaemon) -> None:
    link = daemon.pictures / "link.png"
    for path in ("/etc/passwd", "../loras/oak.safetensors", "link.png"):
        link.unlink(missing_ok=True)
        link.symlink_to("/etc/passwd")
        found = call(daemon, "show", path=path)
        assert found.is_error
        assert "is not below the output folder" in words(found)
    link.unlink()


@pytest.mark.parametrize("path", ["a\0b", "loop", "loop/a.png"])
def test_what_leads_nowhere_is_told(daemon: InProcessDaemon, path: str) -> None:
    loop = daemon.pictures / "loop"
    loop.unlink(missing_ok=True)
    loop.symlink_to("loop")
    found = call(daemon, "show", path=path)
    loop.unlink()
    assert found.is_error
    assert "is not below the output folder" in words(found)


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("render", {}, "prompt"),
        ("render", {"prompt": "a", "width": 65}, "`width`"),
        ("render", {"prompt": "a", "size": "1024x1024"}, "`size`; did you mean `width`?"),
        ("render", {"prompt": "a", "lora_paths": ["ink"]}, "`lora_paths`; did you mean `loras`?"),
        ("render", {"prompt": "a", "loras": ["ink"]}, '`loras[0]`; say {"path": '),
        ("inspect", {"files": ["ink"]}, "`files`; there are paths, variant"),
        ("render", {"prompt": "a", "genre": "ash"}, "`tier`"),
        ("jobs", {"since": "yesterday"}, "`since`"),
        ("jobs", {"wait": True}, "`wait`"),
        ("jobs", {"job_id": "nobody"}, "nobody"),
        ("render", {"prompt": "half of \ud83d"}, "lone surrogate"),
        ("paint", {}, "use one of render, compose"),
    ],
)
def test_what_is_wrong_is_told_by_its_name(
    daemon: InProcessDaemon, tool: str, arguments: dict[str, Any], told: str
) -> None:
    found = call(daemon, tool, **arguments)
    assert found.is_error
    assert told in words(found)
    assert "$.params" not in words(found)


def test_without_a_daemon_each_tool_says_so(tmp_path: Path) -> None:
    async def run() -> CallToolResult:
        async with agent(tmp_path / "d.sock") as asking:
            return await asking.call_tool("jobs", {})

    found = asyncio.run(run())
    assert found.structured_content is not None
    assert (found.is_error, found.structured_content["kind"]) == (True, "daemon_unavailable")


def test_an_agent_that_gives_up_cancels_its_render() -> None:
    async def run(daemon: InProcessDaemon) -> str:
        begun = asyncio.Event()

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            begun.set()

        async with AsyncClient(daemon.socket) as other, agent(daemon.socket) as asking:
            task = asyncio.create_task(
                asking.call_tool("render", {"prompt": "a fox", **SMALL}, progress_callback=on_progress)
            )
            await begun.wait()
            async with aclosing(other.watch()) as watch:
                await anext(watch)
                task.cancel()
                ends = (each.job.state async for each in watch if isinstance(each, JobChange) and each.event == "ended")
                return await anext(ends)

    with fake_daemon() as daemon:
        daemon.worker.hold("denoise")
        assert asyncio.run(run(daemon)) == "cancelled"
