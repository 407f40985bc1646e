"""The `openai` package, unchanged, asks `kilnmark web` and a daemon that paints: a healthy adapter and a dead one."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from PIL import Image

from kilnmark.otel.received import Span
from kilnmark.otel.receiver import Receiver
from tests.daemon.conftest import PATIENCE
from tests.web.api.really import Painted, painted_by_mini

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
BELOW = ("kilnmark.client.render", "flux_mlx.render", "flux_mlx.denoise")


@pytest.fixture(scope="module")
def painted() -> Iterator[Painted]:
    with painted_by_mini() as both:
        yield both


@pytest.fixture
def client(painted: Painted) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{painted.address}/v1", api_key=painted.token, max_retries=0, timeout=120) as client:
        yield client


def asked(*names: str, **more: Any) -> dict[str, Any]:
    body = {"seed": 3, "steps": 2, "loras": [{"path": f"{name}.safetensors"} for name in names], **more}
    return {
        "model": "mini",
        "prompt": "a lighthouse",
        "size": "64x64",
        "response_format": "b64_json",
        "extra_body": body,
    }


def pixels(found: Any) -> bytes:
    with Image.open(io.BytesIO(base64.b64decode(found.data[0].b64_json))) as picture:
        assert picture.size == (64, 64)
        return picture.tobytes()


def test_a_trained_adapter_engages_and_its_picture_is_another(client: openai.OpenAI) -> None:
    plain, styled = client.images.generate(**asked()), client.images.generate(**asked("oak"))
    [report] = (styled.model_extra or {})["kilnmark"]["renders"][0]["loras"]
    assert (report["name"], report["verdict"]) == ("oak", "engaged")
    assert report["matched_key_count"] == report["total_key_count"] > 0
    assert pixels(styled) != pixels(plain)


def test_a_dead_adapter_is_an_error_that_accuses_no_other(client: openai.OpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as raised:
        client.images.generate(**asked("oak", "ash"))
    assert raised.value.code == "adapter_not_engaged"
    assert isinstance(raised.value.body, dict)
    assert [(each["name"], each["verdict"]) for each in raised.value.body["loras"]] == [
        ("oak", "engaged"),
        ("ash", "noop"),
    ]


def test_a_dead_adapter_that_is_wanted_leaves_the_picture_as_it_is_without(client: openai.OpenAI) -> None:
    found = client.images.generate(**asked("ash", on_mismatch="warn"))
    [report] = (found.model_extra or {})["kilnmark"]["renders"][0]["loras"]
    assert report["verdict"] == "noop"
    assert pixels(found) == pixels(client.images.generate(**asked()))


def test_one_trace_goes_from_the_program_to_the_worker() -> None:
    with Receiver() as receiver:
        sends = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        with painted_by_mini(sends) as both:
            with openai.OpenAI(base_url=f"{both.address}/v1", api_key=both.token, max_retries=0) as client:
                client.images.generate(**asked("oak"), extra_headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
            wanted = {"POST /v1/images/generations", *BELOW}
            found = receiver.wait_for(lambda spans: wanted <= names_of(spans), PATIENCE)
    spans = {span.name: span for span in found if span.trace_id == TRACE}
    chain = [spans["POST /v1/images/generations"], *(spans[name] for name in BELOW)]
    assert [span.parent_id for span in chain] == [PARENT, *(span.span_id for span in chain[:-1])]
    assert [span.kind for span in chain[:2]] == ["server", "client"]
    assert [span.service for span in chain[:3]] == ["kilnmark-web", "kilnmark-web", "kilnmark-daemon"]


def names_of(spans: list[Span]) -> set[str]:
    return {span.name for span in spans if span.trace_id == TRACE}
