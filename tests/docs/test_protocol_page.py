"""The page of the wire: its tables are those of the code, and its samples are spoken and answered."""

import json
import os
import re
import subprocess
import sys

import msgspec
import pytest

from kilnmark.client.testing import fake_daemon
from kilnmark.protocol.wire import jsonrpc
from kilnmark.protocol.wire.call import CallMeta
from kilnmark.protocol.wire.methods import METHODS
from kilnmark.protocol.wire.replies import Heartbeat, Progress
from kilnmark.protocol.wire.requests import RenderParams, check_render
from kilnmark.protocol.wire.watching import JobChange, Preview
from scripts.make_protocol_page import PAGE, made
from scripts.protocol_types import fields_of, structs_in

TEXT = PAGE.read_text(encoding="utf-8")
SAMPLES = dict(re.findall(r"```(sh|js|python)\n(.*?)```", TEXT, re.DOTALL))


def test_its_tables_are_those_of_the_code() -> None:
    assert made(TEXT) == TEXT, "write it anew: .venv/bin/python -m scripts.make_protocol_page"


def test_every_field_says_what_it_means() -> None:
    shown: set[type[msgspec.Struct]] = {CallMeta, Progress, Heartbeat, JobChange, Preview}
    for method in METHODS:
        shown |= {method.params, method.result, *structs_in(method.result)}
    fields = [(cls.__name__, field) for cls in shown for field in fields_of(cls)]
    assert [f"{name}.{field.name}" for name, field in fields if not field.meaning] == []


def test_its_python_is_answered_with_a_picture() -> None:
    with fake_daemon() as daemon:
        shown = subprocess.run(
            [sys.executable, "-I", "-c", SAMPLES["python"]],
            env={**os.environ, "KILNMARK_SOCKET": str(daemon.socket)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout.splitlines()
        pictures = [str(path) for path in daemon.pictures.glob("*.png")]
    assert "encode" in shown
    assert shown[-1:] == pictures


@pytest.mark.parametrize("language", ["sh", "js", "python"])
def test_what_its_samples_send_is_a_render(language: str) -> None:
    sample = SAMPLES[language]
    [envelope] = re.findall(r'\{"jsonrpc": .*?"method": "render"', sample)
    [written] = re.findall(r'(\{"prompt".*?\}+)(?:;|\n|\})', sample)
    line = json.dumps({**json.loads(envelope + "}"), "params": json.loads(balanced(written))}).encode()
    [call] = jsonrpc.read_frame(line).items
    assert isinstance(call, jsonrpc.Call)
    assert call.method == "render"
    check_render(jsonrpc.params_as(RenderParams, call.params))


def balanced(text: str) -> str:
    """A JSON object without the braces that closed what stood around it."""
    return text[: len(text) - (text.count("}") - text.count("{"))]


@pytest.mark.parametrize("language", ["sh", "js"])
def test_what_its_samples_read_is_in_a_reply(language: str) -> None:
    read = set(re.findall(r"\b(?:result|lora)\.(\w+)", SAMPLES[language])) - {"map"}
    assert read
    assert read <= set(re.findall(r"^\| `(\w+)`", TEXT, re.MULTILINE))


def test_every_code_that_it_names_is_one() -> None:
    known = {int(code) for code in re.findall(r"^\| (-32\d{3}) \|", TEXT, re.MULTILINE)}
    assert {int(code) for code in re.findall(r"-32\d{3}", TEXT)} == known
