"""The worker process, seen from inside: hold bases, render the jobs that come, leave when told.

The main thread does all MLX work, because MLX's streams belong to a thread. The process leaves with `os._exit` once
its spans are flushed: ending an MLX thread on the way out was measured to abort one run in five.
"""

import argparse
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import NoReturn

import mlx.core as mx
from opentelemetry.context import attach, detach

from kilnmark.engine.bases import Bases
from kilnmark.engine.compute import set_limits
from kilnmark.engine.ends import failed
from kilnmark.engine.families.base import Base, load_origin
from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.kernels import keep_kernels
from kilnmark.engine.link import Link
from kilnmark.engine.measuring import WorkerMeasuring
from kilnmark.engine.noted import Notes
from kilnmark.engine.run.ahead import Ahead
from kilnmark.engine.run.given import PictureReader
from kilnmark.engine.run.previews import Previews
from kilnmark.engine.run.render import Renderer
from kilnmark.engine.run.saver import Painting, Saver, check_room
from kilnmark.engine.run.warming import Warming
from kilnmark.engine.stack.store import AdapterStore
from kilnmark.keymaps.files.outputs import OutputFolder
from kilnmark.otel.carrier import context_from
from kilnmark.otel.settings import TelemetryOptions
from kilnmark.otel.setup import SHARED_DEADLINE, Telemetry, start
from kilnmark.protocol.picture.spec import PictureSize
from kilnmark.protocol.printable import OneLineFormatter
from kilnmark.protocol.wire.errors import Cancelled, StorageFailed
from kilnmark.protocol.wire.work import Command, Configure, Exit, Failed, Painted, RenderCommand, WarmUp

__all__ = ["SAVE_TIMEOUT", "main"]

SAVE_TIMEOUT = 4.0
"""Seconds that pictures already painted are given to reach the disk when the worker leaves; the daemon gives it 5."""

log = logging.getLogger(__name__)


def main() -> NoReturn:
    """Serve the daemon on the other end of the socket whose number `--fd` gives."""
    log_lines = logging.StreamHandler(sys.stderr)
    log_lines.setFormatter(OneLineFormatter("kilnmark-worker: %(levelname)s: %(message)s"))
    logging.basicConfig(handlers=[log_lines], level=logging.INFO)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the daemon too, which decides
    parser = argparse.ArgumentParser(prog="kilnmark.engine")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--trace-file", type=Path)
    asked = parser.parse_args()
    link = Link(socket.socket(fileno=asked.fd))
    link.start()
    telemetry = start("kilnmark-worker", options=TelemetryOptions(trace_file=asked.trace_file))
    try:
        status = _serve(link, telemetry)
    except BaseException:
        log.exception("the worker is lost")
        status = 1
    telemetry.stop(SHARED_DEADLINE)
    sys.stderr.flush()
    os._exit(status)


def _serve(link: Link, telemetry: Telemetry) -> int:
    configure = link.next_command()
    if not isinstance(configure, Configure):
        log.error("the first command must be configure; got %s", type(configure).__name__)
        return 1
    keep_kernels()
    notes = Notes(configure.step_spans)
    store = AdapterStore([Path(root) for root in configure.lora_roots], configure.adapter_cache_bytes)
    bases, ahead, warming = _bases(configure, link, telemetry, store, notes)
    measuring = WorkerMeasuring(bases, store, notes, telemetry.drops)
    gc.freeze()  # what was imported stays; a base may leave, and its modules refer to each other
    try:
        bases.warm_up(configure.variant)
    except BaseUnavailable:
        return 0
    gc.enable()
    outputs = OutputFolder(Path(configure.output_dir), configure.picture_mode)
    saver = Saver(outputs, link.end)
    saver.start()
    while not isinstance(command := _next_command(link, warming), Exit):
        if isinstance(command, RenderCommand):
            outcome = _render(command, bases, warming, link, outputs)
            if isinstance(outcome, Painting):
                link.send(Painted(job_id=command.job_id))
                saver.save(outcome)
            else:
                link.end(outcome)
            link.send(measuring.noted(command))
            ahead.begin()
        elif isinstance(command, WarmUp):
            warming.plan(command.variant, command.sizes)
            with contextlib.suppress(BaseUnavailable):  # the daemon has heard why
                bases.warm_up(command.variant)
    saver.stop(SAVE_TIMEOUT)
    return 0


def _next_command(link: Link, warming: Warming) -> Command:
    """The next; sizes are made warm only as long as there is none."""
    while not link.is_waiting and warming.go_on():
        pass
    return link.next_command()


def _bases(
    configure: Configure, link: Link, telemetry: Telemetry, store: AdapterStore, notes: Notes
) -> tuple[Bases, Ahead, Warming]:
    pictures = PictureReader([Path(root) for root in configure.image_roots])

    def furnish(base: Base) -> Renderer:
        base.stacker.limit = configure.stack_cache_bytes
        warming.loaded(base.info.variant)
        renderer = Renderer(
            base,
            store=store,
            tracer=telemetry.tracer,
            tell=link.send,
            is_cancelled=link.is_cancelled,
            meanwhile=lambda: ahead.prepare(),  # noqa: PLW0108 - it knows the bases, which are made of this
            pictures=pictures,
            notes=notes,
        )
        renderer.previews = Previews(base, link.send, lambda: link.shows_previews)
        return renderer

    warming = Warming(
        configure.sizes,
        find=lambda variant: bases.find(variant),  # noqa: PLW0108 - they are made of this
        gives_way=lambda: link.is_waiting,
        tracer=telemetry.tracer,
        tell=link.send,
        on_failure=lambda: bases.tell_what_is_held(),  # noqa: PLW0108 - as before
    )
    bases = Bases(
        configure.bases,
        configure.quantize,
        set_limits(configure.base_memory),
        load=lambda origin: load_origin(
            origin, origin.bits(configure.quantize), numerics=configure.numerics, compiling=configure.compiling
        ),
        furnish=furnish,
        warming=warming,
        tracer=telemetry.tracer,
        tell=link.send,
    )
    ahead = Ahead(store, bases.find)
    ahead.start()
    link.on_prefetch = ahead.announce
    return bases, ahead, warming


def _render(job: RenderCommand, bases: Bases, warming: Warming, link: Link, outputs: OutputFolder) -> Painting | Failed:
    """One render, on its own base; that one cannot be held ends this render and no other."""
    if link.is_cancelled(job.job_id):  # before minutes are spent on a base that nobody waits for
        return failed(job.job_id, Cancelled("the render was cancelled"))
    try:
        check_room(job, outputs)
    except StorageFailed as error:
        return failed(job.job_id, error)
    began = time.monotonic()
    context = attach(context_from(job.traceparent, job.tracestate))
    try:
        renderer = bases.renderer(job.variant)
    except BaseUnavailable as error:
        return failed(job.job_id, error)
    finally:
        detach(context)
    load_ms = round((time.monotonic() - began) * 1e3, 3)
    mx.reset_peak_memory()
    outcome = renderer.render(job, load_ms=load_ms)
    if isinstance(outcome, Painting):
        warming.painted(job.variant, PictureSize(job.width, job.height))
    bases.rendered(job.variant, outcome.loras, mx.get_peak_memory())
    return outcome
