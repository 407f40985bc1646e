"""One trace over machines: the submitter's, the node's job and its parts, the client's call and the daemon's render."""

import asyncio

import msgspec
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from kilnmark.client.aio import AsyncClient
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.node.node import FarmNode, NodeSettings
from kilnmark.otel import names
from tests.farm.node.handed_in import hand_in, result_of
from tests.otel.reading import Metered

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

MEASURED = (
    names.FARM_JOBS,
    names.FARM_CONTENT_FETCHED,
    names.FARM_FETCH_DURATION,
    names.FARM_COMMIT_DURATION,
    names.FARM_SWITCHES,
)
"""What a node tells of a job that was painted."""


def test_a_job_is_one_trace_from_whoever_handed_it_in_to_the_picture(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, kept = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    metered = Metered()

    async def work() -> str:
        with InProcessDaemon(tracer=provider.get_tracer("daemon")) as daemon:
            async with farm_link(broker, name="anvil") as link, AsyncClient(daemon.socket) as client:
                node = FarmNode(link, client, NodeSettings(name="anvil"), metered.measures)
                running = asyncio.create_task(node.run())
                await hand_in(link, "traced", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
                result = await result_of(link, "traced")
                node.drain()
                await running
        assert result.result is not None
        return result.result.trace_id

    assert asyncio.run(work()) == TRACE
    assert metered.names == {metric.name for metric in MEASURED}
    assert metered.of(names.FARM_SWITCHES) == [({}, 1)]
    spans = {span.name: span for span in kept.get_finished_spans()}
    parents = {name: span.parent and f"{span.parent.span_id:016x}" for name, span in spans.items()}
    ids = {name: f"{span.context.span_id:016x}" for name, span in spans.items()}
    assert {f"{span.context.trace_id:032x}" for span in spans.values()} == {TRACE}
    assert parents["kilnmark.farm.job"] == PARENT
    for part in ("kilnmark.farm.fetch", "kilnmark.farm.commit", "kilnmark.client.render"):
        assert parents[part] == ids["kilnmark.farm.job"], part
    assert parents["flux_mlx.render"] == ids["kilnmark.client.render"]
    told = msgspec.to_builtins(dict(spans["kilnmark.farm.job"].attributes or {}))
    assert told == {
        "render.job_id": "traced",
        "kilnmark.farm.node": "anvil",
        "kilnmark.farm.submitter": "ann",
        "kilnmark.farm.deliveries": 1,
        "kilnmark.farm.state": "done",
        "kilnmark.farm.counts": True,
    }
