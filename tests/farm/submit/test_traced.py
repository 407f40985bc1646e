"""The trace of a job begins where it is handed in."""

import asyncio
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.submit.client import FarmClient
from tests.farm.nodes import nodes_at


def test_the_span_of_a_job_that_is_handed_in_is_the_parent_of_its_nodes(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, kept = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)

    async def ask() -> None:
        async with farm_link(broker) as link:
            client = FarmClient(link, "ann", tmp_path)
            async for ending in client.render_many([{"prompt": "a hill", "seed": 1, "steps": 1}]):
                assert ending.result is not None

    with nodes_at(broker, {"anvil": FakeWorker()}):
        asyncio.run(ask())
    spans = {span.name: span for span in kept.get_finished_spans()}
    submitted, job = spans["kilnmark.farm.submit"], spans["kilnmark.farm.job"]
    assert job.parent is not None
    assert (job.context.trace_id, job.parent.span_id) == (submitted.context.trace_id, submitted.context.span_id)
