"""Every output that text from outside gets into: terminals, documents, log, page, pictures, spans. It does nothing.

One daemon, whose packs, adapters and prompts have everything hostile in their names and words, is asked by every
command.
"""

import logging
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from safetensors.numpy import save_file

from kilnmark.client import Client
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.streams import PatientLog
from kilnmark.daemon.worker.fake import FakeWorker, Script
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.otel.spans import mark_failed
from kilnmark.protocol.picture.record import decode_record
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.errors import RenderFailed
from tests.client.here import run_here
from tests.text.hostile import EVERYTHING, FILE_NAME, HOSTILE, NAME, Tags, acting, forged

SMALL = ("--width", "64", "--height", "64", "--steps", "1", "--no-cache")
UNIT = "a \"b' %h $HOME ${HOME} ;#\\x20"
DEAD = f"dead{FILE_NAME}"
FAILING = f"failing {EVERYTHING}"


@dataclass(frozen=True)
class Shelf:
    """A daemon with what it reads.

    Attributes:
        genre, world: Names of its pack's folders.
        healthy, dead: Adapters.
        raw: An adapter whose name is no UTF-8.
        exporter: Has its spans.
    """

    daemon: InProcessDaemon
    root: Path
    genre: str
    world: str
    healthy: Path
    dead: Path
    raw: Path
    exporter: InMemorySpanExporter

    @property
    def packs(self) -> Path:
        return self.root / "packs"

    def run(self, *words: str | Path, **env: str) -> str:
        """All that one command writes, on both streams."""
        done = run_here(*words, env={"KILNMARK_SOCKET": str(self.daemon.socket), "HOME": str(self.root)} | env)
        return done.stdout + done.stderr


def quoted(text: str) -> str:
    """As YAML has any text: JSON's quotes, with nothing in it that YAML does not take."""
    return "".join(
        c if c.isascii() and c.isprintable() else f"\\U{ord(c):08x}" for c in msgspec.json.encode(text).decode()
    )


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    root = tmp_path_factory.mktemp("shelf")
    genre, world = f"ink{FILE_NAME}", f"mire{FILE_NAME}"
    (root / "packs" / genre / "worlds" / world).mkdir(parents=True)
    healthy = make_adapter(root / f"oak{FILE_NAME}.safetensors", rank=1, blocks=1)
    dead = make_adapter(root / f"{DEAD}.safetensors", rank=1, blocks=1, dead=True)
    raw = Path(os.fsdecode(bytes(root) + b"/raw\xff\x9b31m.safetensors"))
    raw.write_bytes(healthy.read_bytes())
    told = root / "told.safetensors"
    tensors = {EVERYTHING: np.ones((2, 2), np.float32), f"lora_unet_{EVERYTHING}.alpha": np.ones((), np.float32)}
    save_file(
        tensors, told, metadata=dict.fromkeys(("ss_output_name", "modelspec.title", "ss_tag_frequency"), EVERYTHING)
    )
    style, broken = (root / "packs" / f"{name}{FILE_NAME}" / "visual_style.yaml" for name in ("ink", "worn"))
    lora = f"- {{name: {quoted(NAME)}, file: {quoted(str(healthy))}, scale: 1, applies_to: [landscape]}}"
    style.write_text(f"positive_suffix: {quoted(EVERYTHING)}\nloras:\n  {lora}\n")
    broken.parent.mkdir()
    broken.write_text(
        f"loras:\n  - {{name: {quoted(NAME)}, file: {quoted(EVERYTHING)}, scale: {quoted(EVERYTHING)}}}\n"
    )
    style.with_name("tiers.yaml").write_text("landscape: {width: 64, height: 64, steps: 1, variant: standin}\n")
    (style.parent / "worlds" / world / "history.yaml").write_text(
        f"chapters:\n  - title: {quoted(EVERYTHING)}\n    points_of_interest:\n"
        f"      - {{name: {quoted('kiln' + NAME)}, region: {quoted(NAME)}, description: {quoted(EVERYTHING)}}}\n"
        f"      - {{name: {quoted(NAME)}, description: 3}}\n"
    )
    unread = os.fsdecode(bytes(root) + b"/packs/raw\xff\x9b31m")
    shutil.copytree(style.parent, unread)
    script = Script(verdicts={DEAD: Verdict.NOOP}, failures={FAILING: RenderFailed(f"no: {EVERYTHING}")})
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    logging.disable(logging.CRITICAL)  # what pytest would keep of it, pytest-xdist cannot pass on
    try:
        with InProcessDaemon(
            FakeWorker(script), tracer=provider.get_tracer("test"), lora_roots=(root,), packs=root / "packs"
        ) as running:
            yield Shelf(running, root, genre, world, healthy, dead, raw, exporter)
    finally:
        logging.disable(logging.NOTSET)


def commands(shelf: Shelf) -> dict[str, list[str | Path]]:
    """Every command, with something hostile in each place that takes words."""
    style = ("--genre", shelf.genre, "--world", shelf.world, "--tier", "landscape")
    batch = ("batch", "poi", "--packs", shelf.packs)
    return {
        "render": ["render", EVERYTHING, "--lora", shelf.healthy, "--negative-prompt", EVERYTHING, *SMALL],
        "render a genre": ["render", EVERYTHING, *style, "--no-cache"],
        "render with a dead adapter": ["render", "x", "--lora", shelf.dead, *SMALL],
        "render to an error": ["render", FAILING, *SMALL],
        "render what is not there": ["render", "x", "--lora", shelf.root / FILE_NAME, *SMALL],
        "render in no words": ["render", "x", "--genre", NAME, "--world", NAME, "--tier", NAME],
        "render no job": ["render", "x", "--job-id", EVERYTHING, *SMALL],
        "render what is no text": ["render", "x", "--lora", shelf.raw, *SMALL],
        "render no variant": ["render", "x", "--variant", EVERYTHING, *SMALL],
        "status": ["status"],
        "ping": ["ping"],
        "ping nowhere": ["ping", "--socket", f"/tmp/{FILE_NAME[:20]}"],
        "jobs": ["jobs"],
        "jobs of nobody": ["jobs", EVERYTHING],
        "cancel": ["cancel", EVERYTHING, "--reason", EVERYTHING],
        "warm-up": ["warm-up", "--variant", EVERYTHING],
        "config": ["config", "--output-dir", shelf.root / FILE_NAME, "--lora-root", shelf.packs / shelf.genre],
        "config that is wrong": ["config", "--queue-limit", EVERYTHING, "--base", EVERYTHING, "--variant", EVERYTHING],
        "config of no file": ["config", "--config", shelf.root / FILE_NAME],
        "doctor": ["doctor", "--packs", shelf.packs, "--output-dir", shelf.root / FILE_NAME / "x"],
        "doctor alone": ["doctor", "--socket", shelf.root / "none", "--packs", shelf.packs, "--lora-root", shelf.packs],
        "style compose": ["style", "compose", EVERYTHING, *style, "--place", NAME],
        "style compose here": [
            "style",
            "compose",
            EVERYTHING,
            *style,
            "--packs",
            shelf.packs,
            "--lora-root",
            shelf.root,
        ],
        "style schema": ["style", "schema", EVERYTHING],
        "batch that is dry": [*batch, "--lora-root", shelf.root, "--dry-run"],
        "batch": [*batch, "--lora-root", shelf.root, "--out", shelf.root / f"out{FILE_NAME}"],
        "batch of nothing": [*batch, "--genre", EVERYTHING],
        "inspect": ["lora", "inspect", shelf.healthy, shelf.dead, shelf.raw, "--targets"],
        "inspect a folder": ["lora", "inspect", shelf.root],
        "inspect what tells lies": ["lora", "inspect", shelf.root / "told.safetensors"],
        "inspect nothing": ["lora", "inspect", shelf.root / FILE_NAME],
        "report": ["lora", "report", shelf.healthy],
        "report nothing": ["lora", "report", shelf.root / FILE_NAME],
        "report of no text": ["lora", "report", shelf.raw, "--output", shelf.root / f"report{FILE_NAME}", "--force"],
        "remap": ["lora", "remap", shelf.healthy, shelf.root / f"out{FILE_NAME}x", "--to", "kohya", "--force"],
        "remap what is no text": ["lora", "remap", shelf.raw, Path(f"{shelf.raw}2"), "--to", "kohya", "--force"],
        "service": ["service", "install", "--print", "--socket", shelf.root / "s", "--output-dir", shelf.root / UNIT],
        "service of odd places": ["service", "install", "--print", "--output-dir", shelf.root / FILE_NAME],
        "service that is gone": ["service", "uninstall", "--print"],
        "service again": ["service", "restart", "--print"],
        "no command": [EVERYTHING],
        "no option": ["ping", f"--{EVERYTHING}"],
    }


def names() -> list[str]:
    return list(commands(Shelf(None, Path(), "", "", Path(), Path(), Path(), None)))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", names())
def test_nothing_acts_on_the_terminal_of_a_command(shelf: Shelf, name: str) -> None:
    odd = {"KILNMARK_VARIANT_": HOSTILE["C1"]} if "wrong" in name else {}
    if "service" in name:
        odd = {"XDG_CONFIG_HOME": str(shelf.root / FILE_NAME), "OTEL_SERVICE_NAME": HOSTILE["no width"]}
    out = shelf.run(*commands(shelf)[name], **odd)
    assert out
    assert acting(out) == ""
    assert forged(out) == []


@pytest.mark.parametrize("name", [name for name in names() if not name.startswith(("report", "style schema"))])
def test_a_document_is_one_that_any_reader_reads_and_no_terminal_acts_on(shelf: Shelf, name: str) -> None:
    done = run_here(*commands(shelf)[name], "--json", env={"KILNMARK_SOCKET": str(shelf.daemon.socket)})
    assert acting(done.stdout) == ""
    assert done.stdout.count("\n") == 1
    msgspec.json.decode(done.stdout)


def chunks(png: bytes) -> dict[str, str]:
    found = re.findall(rb"iTXt(\w+)\0{5}(.*?)(?=....(?:....iTXt|....IDAT))", png, re.DOTALL)
    return {keyword.decode(): text.decode() for keyword, text in found}


def test_a_picture_says_nothing_that_is_not_so(shelf: Shelf) -> None:
    with Client(shelf.daemon.socket) as client:
        made = client.render(
            EVERYTHING, seed=7, width=64, height=64, steps=1, lora_paths=[str(shelf.healthy)], negative_prompt=None
        )
    found = chunks(Path(made.image_path).read_bytes())
    assert set(found) == {"kilnmark", "parameters"}
    assert acting("".join(found.values())) == ""
    record = decode_record(found["kilnmark"])
    assert (record.prompt, record.loras[0].name) == (EVERYTHING, f"oak{FILE_NAME}")
    assert found["parameters"].count("\n") == 1
    assert re.findall(r"(?i)seed\s*:\s*(\d+)", found["parameters"]) == ["7"]
    assert Path(made.image_path).parent == shelf.daemon.pictures


def test_a_review_page_has_no_element_of_theirs(shelf: Shelf) -> None:
    out = shelf.root / "reviewed"
    shelf.run(*commands(shelf)["batch"][:-1], out)
    page = (out / "index.html").read_text(encoding="utf-8")
    tags = Tags(page)
    assert [attributes for name, attributes in tags.seen if name == "script"] == [("type", "id"), ()]
    assert {name for _, attributes in tags.seen for name in attributes if name.startswith("on")} == set()
    assert "<img src=x onerror=alert(1)>" in tags.text
    assert acting(page) == ""
    assert acting((out / "manifest.json").read_text(encoding="utf-8")) == ""
    assert {file.parent.parent.parent.parent for file in out.rglob("*.png")} == {out}


def test_the_log_has_a_line_for_each_record(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        log = PatientLog(file.fileno())
        error = ValueError(EVERYTHING)
        exception = (type(error), error, None)
        log.emit(logging.LogRecord("x", logging.ERROR, __file__, 1, "%s broke", (EVERYTHING,), exception))
        log.flush()
    text = path.read_text(encoding="utf-8")
    assert acting(text) == ""
    first, *others = text.splitlines()
    assert first.startswith("\\x1b[31;1m")
    assert others
    assert all(line.startswith("  ") for line in others)


def test_what_libraries_warn_of_is_a_line_each() -> None:
    run_here("--version")
    assert logging.lastResort is not None
    text = logging.lastResort.format(logging.LogRecord("x", logging.WARNING, __file__, 1, EVERYTHING, None, None))
    assert (acting(text), text.count("\n")) == ("", 0)


def test_spans_have_characters_alone(shelf: Shelf) -> None:
    shelf.run("render", EVERYTHING, "--lora", shelf.healthy, *SMALL)
    shelf.run("render", FAILING, *SMALL)
    spans = shelf.exporter.get_finished_spans()
    assert acting("".join(map(words_of, spans))) == ""
    assert any("oak" in words_of(span) for span in spans)


def words_of(span: ReadableSpan) -> str:
    events = [f"{event.name}{dict(event.attributes or {})!s}" for event in span.events]
    values = [text for value in (span.attributes or {}).values() for text in _texts(value)]
    return "".join([span.name, span.status.description or "", *values, *events])


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def test_the_words_of_an_error_on_a_span_are_characters_too() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("test").start_as_current_span("x") as span:
        mark_failed(span, "failed", EVERYTHING)
    (made,) = exporter.get_finished_spans()
    assert "\\x1b]52;c;" in words_of(made)
    assert acting(words_of(made)) == ""
