"""The `openai` package, unchanged, asks for pictures of a web process that really listens; a fake worker paints."""

import asyncio
import base64
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import uvicorn
from PIL import Image

from kilnmark.client import Client
from kilnmark.client.web.serving import listening
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import FakeWorker, Script
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.errors import nearest
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.errors import BY_CODE
from kilnmark.web.api.told import STATUSES
from kilnmark.web.app import web_application
from kilnmark.web.link import DaemonLink
from kilnmark.web.site import WebSite
from tests.web.asking import TOKENS

SMALL: dict[str, Any] = {"size": "64x64", "extra_body": {"steps": 2}}


@dataclass(frozen=True)
class Served:
    daemon: InProcessDaemon
    address: str

    def client(self, **options: Any) -> openai.OpenAI:
        bare = openai.DefaultHttpxClient(verify=False)  # or it reads all certificates each time; there is no TLS here
        options = {"api_key": TOKENS.write, "max_retries": 0, "timeout": 20.0, "http_client": bare, **options}
        return openai.OpenAI(base_url=f"{self.address}/v1", **options)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with InProcessDaemon(FakeWorker(Script(verdicts={"ash": Verdict.NOOP})), queue_limit=60) as daemon:
        for name in ("ash", "oak"):
            make_adapter(daemon.loras / f"{name}.safetensors", rank=1, blocks=1)
        with listening(0) as listener, Running(daemon, listener) as address:
            yield Served(daemon, address)


class Running:
    """A web process in a thread."""

    def __init__(self, daemon: InProcessDaemon, listener: socket.socket) -> None:
        self.address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = web_application(WebSite(DaemonLink(str(daemon.socket)), TOKENS, self.address))
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, lifespan="on"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [listener]})

    def __enter__(self) -> str:
        self.thread.start()
        return self.address

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        assert not self.thread.is_alive()


def test_a_picture_comes_as_base64_with_the_report_of_its_adapter(served: Served) -> None:
    body = {"steps": 2, "loras": [{"path": "oak.safetensors", "scale": 0.5, "scales": {"double": 0.25}}]}
    with served.client() as client:
        found = client.images.generate(
            model="standin", prompt="a fox", size="64x64", response_format="b64_json", quality="hd", extra_body=body
        )
    assert found.data is not None
    assert base64.b64decode(found.data[0].b64_json or "").startswith(b"\x89PNG")
    assert found.data[0].url is None
    proof = (found.model_extra or {})["kilnmark"]
    [report] = proof["renders"][0]["loras"]
    assert (report["name"], report["scale"], report["verdict"]) == ("oak", 0.5, "engaged")
    assert proof["unused"] == ["quality"]


def test_four_pictures_have_four_seeds_and_addresses_that_open_without_a_token(served: Served) -> None:
    with served.client() as client:
        found = client.images.generate(
            prompt="a mill", n=4, response_format="url", size="64x64", extra_body={"seed": 7, "steps": 2}
        )
    assert [each["seed"] for each in (found.model_extra or {})["kilnmark"]["renders"]] == [7, 8, 9, 10]
    addresses = [each.url or "" for each in found.data or []]
    assert len(set(addresses)) == 4
    with httpx.Client(verify=False) as plain:
        opened = plain.get(addresses[0])
        assert (opened.status_code, opened.headers["content-type"]) == (200, "image/png")
        assert opened.content.startswith(b"\x89PNG")
        expires = addresses[0].split("/")[4]
        assert plain.get(addresses[0].replace(expires, str(int(expires) + 1))).status_code == 404


def test_a_dead_adapter_is_an_error_with_its_report(served: Served) -> None:
    stack = {"steps": 2, "loras": [{"path": "oak.safetensors"}, {"path": "ash.safetensors"}]}
    with served.client() as client, pytest.raises(openai.UnprocessableEntityError) as raised:
        client.images.generate(prompt="a tower", size="64x64", extra_body=stack)
    assert raised.value.code == "adapter_not_engaged"
    body = raised.value.body
    assert isinstance(body, dict)
    assert [(each["name"], each["verdict"]) for each in body["loras"]] == [("oak", "engaged"), ("ash", "noop")]


def test_a_dead_adapter_that_is_wanted_is_in_the_report(served: Served) -> None:
    body = {"steps": 2, "loras": [{"path": "ash.safetensors"}], "on_mismatch": "warn"}
    with served.client() as client:
        found = client.images.generate(prompt="a tower", size="64x64", extra_body=body)
    assert (found.model_extra or {})["kilnmark"]["renders"][0]["loras"][0]["verdict"] == "noop"
    assert found.data is not None
    assert found.data[0].url is not None
    assert found.data[0].b64_json is not None


def test_an_unknown_model_is_not_found(served: Served) -> None:
    with served.client() as client:
        with pytest.raises(openai.NotFoundError) as raised:
            client.images.generate(model="dall-e-3", prompt="a fox")
        assert (raised.value.code, raised.value.param) == ("model_not_found", "model")
        names = [each.id for each in client.models.list()]
        assert client.models.retrieve(names[0]).owned_by == "kilnmark"
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("dall-e-3")


@pytest.mark.parametrize(
    ("fields", "param", "told"),
    [
        ({"promt": "a"}, "promt", "did you mean `prompt`?"),
        ({"lora": []}, "lora", "did you mean `loras`?"),
        ({"size": "big"}, "size", "WIDTHxHEIGHT"),
        ({"size": "64x64", "width": 64}, "size", "two ways"),
        ({"size": "65x64"}, "size", "multiples of 16"),
        ({"size": "8192x64"}, "size", "to 4096"),
        ({"width": 65}, "width", "16"),
        ({"lora_paths": []}, "lora_paths", "did you mean `loras`?"),
        ({"hat": 1}, "hat", "there are steps, guidance"),
        ({"loras": ["ink.safetensors"]}, "loras[0]", '{"path": "ink.safetensors"'),
        ({"n": 0}, "n", ">= 1"),
        ({"n": 11}, "n", "<= 10"),
        ({"response_format": "gif"}, "response_format", "gif"),
        ({"stream": True}, "stream", ""),
        ({"loras": [{"path": "a", "strength": 1}]}, "loras[0]", "strength"),
        ({"genre": "ash"}, "tier", "genre needs a tier"),
        ({"notify_url": "https://example.org/told"}, "notify_url", "notify"),
    ],
)
def test_what_is_wrong_is_told_by_its_name(served: Served, fields: dict[str, Any], param: str, told: str) -> None:
    with served.client() as client, pytest.raises(openai.BadRequestError) as raised:
        client.images.generate(prompt="a fox", extra_body=fields)
    assert raised.value.param == param
    assert told in raised.value.message
    assert "$.params" not in raised.value.message


def test_a_caller_that_hangs_up_cancels_its_render(served: Served) -> None:
    served.daemon.worker.hold("denoise")
    with Client(served.daemon.socket) as client:
        try:
            with served.client(timeout=0.3) as asking, pytest.raises(openai.APITimeoutError):
                asking.images.generate(prompt="somebody left", **SMALL)
            [job] = client.jobs_list(text="somebody left").jobs
            assert client.jobs_wait(job.job_id, job_timeout=10).job.state == "cancelled"
        finally:
            served.daemon.worker.hold()


def test_fifty_at_once(served: Served) -> None:
    async def run() -> list[Any]:
        bare = openai.DefaultAsyncHttpxClient(verify=False)
        async with openai.AsyncOpenAI(
            base_url=f"{served.address}/v1", api_key=TOKENS.write, max_retries=0, timeout=20.0, http_client=bare
        ) as client:
            asks = [client.images.generate(prompt=f"fox {i}", response_format="url", **SMALL) for i in range(50)]
            return list(await asyncio.gather(*asks))

    found = asyncio.run(run())
    assert len({each.data[0].url for each in found}) == 50


def test_a_token_that_only_looks_and_none_get_no_picture(served: Served) -> None:
    with served.client(api_key=TOKENS.read) as client, pytest.raises(openai.PermissionDeniedError):
        client.images.generate(prompt="a fox")
    with served.client(api_key="nobody") as client, pytest.raises(openai.AuthenticationError):
        client.images.generate(prompt="a fox")


def test_a_picture_is_made_of_another(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "start.png"
    Image.new("RGB", (64, 64), "teal").save(path)
    with served.client() as client:
        found = client.images.edit(image=path, prompt="a mill", size="64x64", extra_body={"strength": 0.5, "steps": 4})
        assert (found.model_extra or {})["kilnmark"]["renders"][0]["image_path"]
        with pytest.raises(openai.BadRequestError) as raised:
            client.images.edit(image=("a.png", b"no picture"), prompt="a mill")
        assert raised.value.param == "image[0]"
        with pytest.raises(openai.BadRequestError) as raised:
            client.images.edit(image=path, mask=path, prompt="a mill")
        assert raised.value.param == "mask"


def test_what_is_no_request_of_the_api_is_told_in_its_form(served: Served) -> None:
    headers = {"authorization": f"Bearer {TOKENS.write}"}
    with httpx.Client(verify=False) as plain:
        for body, status in ((b"[]", 400), (b"{", 400), (b" " * ((1 << 20) + 1), 413)):
            answer = plain.post(f"{served.address}/v1/images/generations", content=body, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, "body_refused")
        assert plain.post(f"{served.address}/v1/images/edits", json={}, headers=headers).status_code == 415
        nothing = plain.get(f"{served.address}/v1/audio", headers=headers)
        told = nothing.json()["error"]
        assert (nothing.status_code, told["type"], told["code"]) == (404, "invalid_request_error", "not_found")


def test_the_example_of_the_page_runs(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[3] / "docs" / "web.md").read_text()
    [example] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    code = example.replace("http://127.0.0.1:7340", served.address)
    exec(compile(code, "docs/web.md", "exec"), {"token": TOKENS.write})
    address, verdict = capsys.readouterr().out.split()
    assert (address.startswith(served.address), verdict) == (True, "engaged")


def test_every_error_of_the_wire_that_is_the_askers_is_told_as_theirs() -> None:
    servers = {"RequestError", "InternalError", "UnknownMethod", "RenderFailed", "StorageFailed", "WorkerLost"}
    away = {"Draining", "NoWorker", "JournalFailed", "JobTimedOut"}
    found = {cls.__name__ for cls in BY_CODE.values() if nearest(STATUSES, cls)[0] >= 500}
    assert found == (servers | away) - {"RequestError"}


def test_the_callers_trace_goes_on(served: Served) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    with served.client() as client:
        found = client.images.generate(
            prompt="traced", extra_headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"}, **SMALL
        )
    assert (found.model_extra or {})["kilnmark"]["renders"][0]["trace_id"] == trace
