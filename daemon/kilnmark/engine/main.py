"""The worker process, seen from inside: hold one base, render the jobs that come, leave when told.

The main thread does all MLX work, because MLX's streams belong to a thread. The process leaves with `os._exit` once
its spans are flushed: ending an MLX thread on the way out was measured to abort one run in five.
"""

import argparse
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import NoReturn

from opentelemetry.context import Context

from kilnmark.engine.base import Base, BaseUnavailable, load_base
from kilnmark.engine.link import Link
from kilnmark.engine.prefetch import Prefetcher
from kilnmark.engine.render import Renderer
from kilnmark.engine.saver import Painting, Saver
from kilnmark.engine.store import AdapterStore
from kilnmark.otel import names
from kilnmark.otel.setup import Telemetry, start
from kilnmark.otel.spans import mark_failed
from kilnmark.protocol.work import Configure, Exit, LoadFailed, Loading, Painted, Ready, RenderJob

__all__ = ["SAVE_TIMEOUT", "main"]

SAVE_TIMEOUT = 10.0
"""Seconds that pictures already painted are given to reach the disk when the worker leaves."""

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
    link.send(Loading(variant=configure.variant))
    try:
        base = _load(configure, telemetry)
    except BaseUnavailable as error:
        link.send(LoadFailed(message=str(error)))
        return 0
    link.send(Ready(base=base.info))
    store = AdapterStore([Path(root) for root in configure.lora_roots], configure.adapter_cache_bytes)
    renderer = Renderer(base, store=store, tracer=telemetry.tracer, tell=link.send, is_cancelled=link.is_cancelled)
    saver = Saver(Path(configure.output_dir), link.end)
    saver.start()
    prefetcher = Prefetcher(store, base.shapes)
    prefetcher.start()
    link.on_prefetch = prefetcher.fetch
    while not isinstance(order := link.next_order(), Exit):
        if isinstance(order, RenderJob):
            _render(order, renderer, saver, link)
    saver.stop(SAVE_TIMEOUT)
    return 0


def _render(job: RenderJob, renderer: Renderer, saver: Saver, link: Link) -> None:
    outcome = renderer.render(job)
    if isinstance(outcome, Painting):
        link.send(Painted(job_id=job.job_id))
        saver.save(outcome)
    else:
        link.end(outcome)


def _load(configure: Configure, telemetry: Telemetry) -> Base:
    began = time.monotonic()
    with telemetry.tracer.start_as_current_span(
        names.LOAD_MODEL, context=Context(), record_exception=False, set_status_on_exception=False
    ) as span:
        span.set_attribute(names.RENDER_VARIANT, configure.variant)
        try:
            base = load_base(configure.variant, configure.quantize)
        except BaseUnavailable as error:
            mark_failed(span, "base_unavailable", str(error))
            raise
    log.info("%s is warm after %.1f s", configure.variant, time.monotonic() - began)
    return base
