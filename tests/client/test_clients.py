"""Both flavours against a real daemon: the same sentences hold for each."""

import asyncio
import inspect
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from kilnmark.client import (
    AdapterNotEngaged,
    AdapterRefused,
    AsyncClient,
    BadReply,
    Cancelled,
    Client,
    ConnectionLost,
    ConnectTimeout,
    DaemonUnavailable,
    InvalidParams,
    Progress,
    RenderResult,
    RenderTimeout,
    ReplyTimeout,
    SilenceTimeout,
    UnknownJob,
    Verdict,
    aio_link,
    sync_link,
)
from kilnmark.daemon.worker.fake import FakeWorker
from tests.client.conftest import (
    FakeDaemon,
    cancelled_afterwards,
    full_backlog,
    peer_that_says,
    serving,
    silent_daemon,
    stopped,
)
from tests.daemon.shuttered import Shuttered, shuttered

SMALL: dict[str, Any] = {"width": 64, "height": 64, "steps": 1, "seed": 7, "cache": False}
LONG: dict[str, Any] = {"width": 64, "height": 64, "steps": 100, "seed": 7, "cache": False}


ON_THE_WIRE = {"lora_inspect": r"lora\.inspect", "compose": r"style\.compose"}


class Blocking:
    """An `AsyncClient` on an event loop of its own, with the face of a `Client`."""

    def __init__(self, *args: Any, **bounds: Any) -> None:
        self._runner = asyncio.Runner()
        self._client = AsyncClient(*args, **bounds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._client.close())
        self._runner.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)
        return lambda *args, **options: self._runner.run(method(*args, **options))

    def render_stream(self, prompt: str, **options: Any) -> Iterator[Progress | RenderResult]:
        stream = self._client.render_stream(prompt, **options)
        try:
            while (item := self._runner.run(_next(stream))) is not None:
                yield item
        finally:
            self._runner.run(stream.aclose())


async def _next(stream: Any) -> Any:
    return await anext(stream, None)


@pytest.fixture(params=[Client, Blocking])
def flavour(request: pytest.FixtureRequest) -> Any:
    return request.param


def fresh_id() -> str:
    return uuid.uuid4().hex


def is_progress(item: object) -> bool:
    return isinstance(item, Progress) and item.message.startswith("denoise")


def test_both_flavours_have_the_same_methods() -> None:
    def face(flavour: type) -> dict[str, list[str]]:
        methods = inspect.getmembers(flavour, inspect.isfunction)
        return {
            name: [str(parameter) for parameter in inspect.signature(method).parameters.values()]
            for name, method in methods
            if not name.startswith("_") or name == "__init__"
        }

    assert face(Client) == face(AsyncClient)


@pytest.fixture(scope="module")
def process() -> Iterator[Shuttered]:
    """A daemon as a process with a real worker, whose base takes no time."""
    with shuttered() as running:
        yield running


def test_short_methods_answer(process: Shuttered, flavour: Any) -> None:
    with flavour(process.socket) as client:
        assert client.ping().pid == process.process.pid
        status = client.status()
        assert (status.variant, status.socket) == ("shutter", str(process.socket))
        assert client.warm_up().base.target_count == 5


def test_a_render_comes_back_with_its_picture_and_its_progress(daemon: FakeDaemon, flavour: Any) -> None:
    seen: list[Progress] = []
    with flavour(daemon.socket) as client:
        result = client.render("a kiln", on_progress=seen.append, **SMALL)
    assert Path(result.image_path).read_bytes().startswith(b"\x89PNG")
    assert (result.width, result.height, result.steps, result.seed) == (64, 64, 1, 7)
    steps = [each.progress for each in seen]
    assert steps == sorted(set(steps))
    assert "denoise 1/1" in [each.message for each in seen]


def test_a_stream_ends_with_its_result(daemon: FakeDaemon, flavour: Any) -> None:
    with flavour(daemon.socket) as client:
        *progress, result = client.render_stream("a kiln", **SMALL)
    assert progress
    assert all(isinstance(item, Progress) for item in progress)
    assert isinstance(result, RenderResult)


def test_a_healthy_adapter_engages(daemon: FakeDaemon, flavour: Any, healthy: Path) -> None:
    with flavour(daemon.socket) as client:
        (report,) = client.render("a kiln", lora_paths=[healthy], lora_scales=[0.5], **SMALL).loras
    assert (report.verdict, report.path, report.scale) == (Verdict.ENGAGED, str(healthy), 0.5)


def test_files_are_inspected_without_a_render(daemon: FakeDaemon, flavour: Any, healthy: Path, dead: Path) -> None:
    with flavour(daemon.socket) as client:
        document = client.lora_inspect([healthy, dead, "absent"])
        [listed] = client.lora_inspect([healthy], variant="schnell", targets=True).files
        with pytest.raises(InvalidParams, match="no known variant"):
            client.lora_inspect([healthy], variant="moon")
    assert [file.verdict for file in document.files] == [Verdict.ENGAGED, Verdict.NOOP, Verdict.REFUSED]
    assert document.files[0].path == str(healthy)
    assert len(listed.targets) == listed.target_count == 20


def test_a_genre_is_composed_and_rendered(daemon: FakeDaemon, flavour: Any, packs: Path) -> None:
    with flavour(daemon.socket) as client:
        composition = client.compose("ink", "portrait", prompt="a kiln")
        result = client.render("a kiln", genre="ink", tier="portrait", width=64, height=64, steps=1)
    assert composition.prompt == result.prompt == "inkwash, a kiln, ink on paper"
    assert (result.stack, result.seed) == (composition.stack, composition.seed)
    [lora], [report] = composition.loras, result.loras
    assert (lora.name, lora.scale, lora.inspection.sha256) == (report.name, report.scale, report.sha256)
    assert lora.inspection.matched_key_count == report.matched_key_count == 40


def test_a_world_is_composed_with_what_its_dead_adapter_is(daemon: FakeDaemon, flavour: Any, packs: Path) -> None:
    with flavour(daemon.socket) as client:
        composition = client.compose("ink", "portrait", world="mire")
        with pytest.raises(AdapterNotEngaged):
            client.render("a kiln", genre="ink", world="mire", tier="portrait", **SMALL)
        with pytest.raises(InvalidParams, match=r"no genre here - at `genre`"):
            client.compose("oil", "portrait")
        with pytest.raises(InvalidParams, match=r"tier"):
            client.compose("ink", "")
    assert [lora.inspection.verdict for lora in composition.loras] == [Verdict.ENGAGED, Verdict.NOOP]


def test_a_dead_adapter_is_an_error_with_its_report(
    daemon: FakeDaemon, flavour: Any, healthy: Path, dead: Path
) -> None:
    with flavour(daemon.socket) as client, pytest.raises(AdapterNotEngaged) as caught:
        client.render("a kiln", lora_paths=[healthy, dead], **SMALL)
    assert isinstance(caught.value.detail, dict)
    assert [report["verdict"] for report in caught.value.detail["loras"]] == ["engaged", "noop"]


def test_a_dead_adapter_is_a_report_when_only_a_warning_was_asked_for(
    daemon: FakeDaemon, flavour: Any, dead: Path
) -> None:
    with flavour(daemon.socket) as client:
        result = client.render("a kiln", lora_paths=[dead], on_mismatch="warn", **SMALL)
    assert [report.verdict for report in result.loras] == [Verdict.NOOP]


def test_what_the_daemon_refuses_is_raised_as_its_own_class(daemon: FakeDaemon, flavour: Any) -> None:
    with flavour(daemon.socket) as client:
        with pytest.raises(AdapterRefused, match="no such file"):
            client.render("a kiln", lora_paths=[daemon.folder / "absent.safetensors"], **SMALL)
        with pytest.raises(InvalidParams, match="no known tier"):
            client.render("a kiln", tier="moon", **SMALL)
        with pytest.raises(UnknownJob):
            client.cancel(fresh_id())
        assert client.ping().pid == daemon.pid


def test_what_can_be_known_beforehand_is_refused_without_a_daemon(flavour: Any) -> None:
    with flavour("/nowhere/daemon.sock") as client, pytest.raises(InvalidParams, match="not a finite number"):
        client.render("a kiln", lora_paths=["/x"], lora_scales=[float("nan")])


@pytest.mark.parametrize("path", ["absent.sock", "a-file", "a-file/daemon.sock", "x" * 120])
def test_no_daemon_says_where_it_was_looked_for(flavour: Any, folder: Path, path: str) -> None:
    (folder / "a-file").touch()
    with flavour(folder / path) as client, pytest.raises(DaemonUnavailable) as caught:
        client.ping()
    assert caught.value.path == str(folder / path)
    assert "kilnmark serve" in str(caught.value)


SHORT = 0.05
"""Seconds that a peer is waited for which says nothing however long it is waited for."""


def test_connecting_is_bounded(flavour: Any, folder: Path) -> None:
    with (
        full_backlog(folder) as path,
        flavour(path, connect_timeout=SHORT) as client,
        pytest.raises(ConnectTimeout) as caught,
    ):
        client.ping()
    assert (caught.value.seconds, caught.value.what) == (SHORT, str(path))


@pytest.mark.parametrize("method", ["ping", "status", "shutdown"])
def test_short_methods_are_bounded(flavour: Any, folder: Path, method: str) -> None:
    with (
        silent_daemon(folder) as path,
        flavour(path, reply_timeout=SHORT) as client,
        pytest.raises(ReplyTimeout, match=method),
    ):
        getattr(client, method)()


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("render", ("a kiln",)), ("warm_up", ()), ("lora_inspect", (["/x"],)), ("compose", ("g", "t"))],
)
def test_silence_is_bounded(flavour: Any, folder: Path, method: str, arguments: tuple[Any, ...]) -> None:
    with (
        silent_daemon(folder) as path,
        flavour(path, silence_timeout=SHORT) as client,
        pytest.raises(SilenceTimeout, match=ON_THE_WIRE.get(method, method)),
    ):
        getattr(client, method)(*arguments)


def test_a_whole_render_is_bounded_on_a_silent_daemon_too(
    flavour: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for link in (aio_link, sync_link):
        monkeypatch.setattr(link, "_FAREWELL", SHORT)
    with (
        silent_daemon(folder) as path,
        flavour(path, render_timeout=SHORT, silence_timeout=None) as client,
        pytest.raises(RenderTimeout),
    ):
        client.render("a kiln")


def test_a_daemon_that_hangs_is_noticed_and_can_be_asked_again_when_it_wakes(process: Shuttered, flavour: Any) -> None:
    pid = process.process.pid
    with flavour(process.socket, silence_timeout=SHORT) as client:
        client.ping()
        with stopped(pid), pytest.raises(SilenceTimeout):
            client.warm_up()
        assert client.ping().pid == pid


def test_a_render_that_takes_too_long_is_cancelled_and_the_client_goes_on(daemon: FakeDaemon, flavour: Any) -> None:
    with (
        cancelled_afterwards(daemon) as job_id,
        flavour(daemon.socket, render_timeout=0.5) as client,
    ):
        with pytest.raises(RenderTimeout):
            client.render("a kiln", job_id=job_id, **LONG)
        assert client.ping().pid == daemon.pid
        assert client.status().pid == daemon.pid


def test_a_stream_that_is_left_early_is_cancelled(daemon: FakeDaemon, flavour: Any) -> None:
    with cancelled_afterwards(daemon) as job_id, flavour(daemon.socket) as client:
        stream = client.render_stream("a kiln", job_id=job_id, **LONG)
        assert any(is_progress(item) for item in stream)
        stream.close()
        assert client.ping().pid == daemon.pid


def test_an_error_in_the_callback_cancels_and_comes_out(daemon: FakeDaemon, flavour: Any) -> None:
    def refuse(progress: Progress) -> None:
        raise LookupError(progress.message)

    with cancelled_afterwards(daemon) as job_id, flavour(daemon.socket) as client, pytest.raises(LookupError):
        client.render("a kiln", job_id=job_id, on_progress=refuse, **LONG)


def cancel_once_denoising(stream: Iterator[Progress | RenderResult], job_id: str, client: Any) -> None:
    for item in stream:
        if is_progress(item):
            assert client.cancel(job_id, "enough").job_id == job_id


def test_another_connection_can_cancel(daemon: FakeDaemon, held: FakeWorker, flavour: Any) -> None:
    job_id = fresh_id()
    with flavour(daemon.socket) as client, Client(daemon.socket) as other:
        stream = client.render_stream("a kiln", job_id=job_id, **LONG)
        with pytest.raises(Cancelled, match="enough"):
            cancel_once_denoising(stream, job_id, other)


def test_a_stream_does_not_stand_in_the_way_of_other_calls(daemon: FakeDaemon, held: FakeWorker, flavour: Any) -> None:
    job_id = fresh_id()
    with flavour(daemon.socket) as client:
        stream = client.render_stream("a kiln", job_id=job_id, **LONG)
        with pytest.raises(Cancelled):
            cancel_once_denoising(stream, job_id, client)


def test_a_daemon_that_hangs_up_is_a_lost_connection(flavour: Any, folder: Path) -> None:
    with (
        peer_that_says(folder, b"") as path,
        flavour(path, away_timeout=0.0) as client,
        pytest.raises(ConnectionLost) as caught,
    ):
        client.render("a kiln")
    assert caught.value.pending == ("render",)


def test_a_peer_of_another_protocol_is_named_as_such(flavour: Any, folder: Path) -> None:
    with peer_that_says(folder, b"220 smtp ready\r\n") as path, flavour(path) as client, pytest.raises(BadReply):
        client.ping()


@pytest.mark.slow
def test_a_daemon_that_was_restarted_is_found_again(flavour: Any, folder: Path) -> None:
    with serving(folder) as first, flavour(first.socket) as client:
        assert client.ping().pid == first.pid
        client.shutdown()
        first.process.wait(30)
        with serving(folder) as second:
            assert client.ping().pid == second.pid


def test_a_closed_client_connects_again(daemon: FakeDaemon, flavour: Any) -> None:
    with flavour(daemon.socket) as client:
        client.ping()
        client.close()
        assert client.ping().pid == daemon.pid
