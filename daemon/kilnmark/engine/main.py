"""The worker process, seen from inside: hold bases, render the jobs that come, leave when told.

The main thread does all MLX work, because MLX's streams belong to a thread. The process leaves with `os._exit` once
its spans are flushed: ending an MLX thread on the way out was measured to abort one run in five.
"""

import argparse
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import NoReturn

from msgspec.structs import replace
from opentelemetry.context import attach, detach

from kilnmark.engine.base import Base, BaseUnavailable, load_base
from kilnmark.engine.bases import Bases
from kilnmark.engine.compute import set_limits
from kilnmark.engine.link import Link
from kilnmark.engine.render import Renderer
from kilnmark.otel.carrier import context_from
from kilnmark.otel.setup import Telemetry, start
from kilnmark.protocol.catalog import STANDIN
from kilnmark.protocol.errors import Cancelled, RenderFailed
from kilnmark.protocol.work import Configure, Exit, Failed, Finished, RenderJob, WarmUp

__all__ = ["main"]

log = logging.getLogger(__name__)


def main() -> NoReturn:
    """Serve the daemon on the other end of the socket whose number `--fd` gives."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="kilnmark-worker: %(levelname)s: %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the daemon too, which decides
    parser = argparse.ArgumentParser(prog="kilnmark.engine")
    parser.add_argument("--fd", type=int, required=True)
    link = Link(socket.socket(fileno=parser.parse_args().fd))
    link.start()
    telemetry = start("kilnmark-worker")
    try:
        status = _serve(link, telemetry)
    except BaseException:
        log.exception("the worker is lost")
        status = 1
    telemetry.stop()
    sys.stderr.flush()
    os._exit(status)


def _serve(link: Link, telemetry: Telemetry) -> int:
    configure = link.next_order()
    if not isinstance(configure, Configure):
        log.error("the first order must be configure; got %s", type(configure).__name__)
        return 1
    bases = _bases(configure, link, telemetry)
    try:
        bases.renderer(configure.variant)
    except BaseUnavailable:
        return 0
    while not isinstance(order := link.next_order(), Exit):
        if isinstance(order, RenderJob):
            outcome = _render(order, bases, link)
            link.forget(order.job_id)
            link.send(outcome)
        elif isinstance(order, WarmUp):
            with contextlib.suppress(BaseUnavailable):  # the daemon has heard why
                bases.warm_up(order.variant)
    return 0


def _bases(configure: Configure, link: Link, telemetry: Telemetry) -> Bases:
    def furnish(base: Base) -> Renderer:
        return Renderer(
            base,
            output_dir=Path(configure.output_dir),
            roots=[Path(root) for root in configure.lora_roots],
            tracer=telemetry.tracer,
            tell=link.send,
            is_cancelled=link.is_cancelled,
        )

    return Bases(
        configure.bases,
        configure.quantize,
        set_limits(configure.base_memory),
        load=lambda variant, place: load_base(variant, None if place == STANDIN else configure.quantize, place),
        furnish=furnish,
        tracer=telemetry.tracer,
        tell=link.send,
    )


def _render(job: RenderJob, bases: Bases, link: Link) -> Finished | Failed:
    """One render, on its own base; that one cannot be held ends this render and no other."""
    if link.is_cancelled(job.job_id):  # before minutes are spent on a base that nobody waits for
        return Failed(job_id=job.job_id, code=Cancelled.code, message="the render was cancelled")
    began = time.monotonic()
    context = attach(context_from(job.traceparent, job.tracestate))
    try:
        renderer = bases.renderer(job.variant)
    except BaseUnavailable as error:
        return Failed(job_id=job.job_id, code=RenderFailed.code, message=str(error))
    finally:
        detach(context)
    load_ms = round((time.monotonic() - began) * 1e3, 3)
    outcome = renderer.render(job)
    bases.rendered(job.variant, outcome.loras)
    if isinstance(outcome, Finished):
        outcome = replace(outcome, timings=replace(outcome.timings, load_ms=load_ms))
    return outcome
