"""What is measured reaches the instruments of a real provider, under its own name and with what it may carry."""

from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from kilnmark.otel import names
from kilnmark.otel.measures import Measures


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def measures(reader: InMemoryMetricReader) -> Measures:
    return Measures(MeterProvider([reader]).get_meter("kilnmark"))


def points(reader: InMemoryMetricReader, name: str) -> list[Any]:
    data = reader.get_metrics_data()
    assert data is not None
    return [
        point
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
    ]


def test_a_histogram_has_the_buckets_of_its_definition(measures: Measures, reader: InMemoryMetricReader) -> None:
    measures.record(names.RENDER_DURATION, 250.0, {names.RENDER_TIER: "portrait"})
    (point,) = points(reader, "flux_mlx.render.duration")
    assert (point.explicit_bounds, point.sum) == (names.RENDER_DURATION.buckets, 250.0)
    assert dict(point.attributes) == {"render.tier": "portrait"}


def test_a_counter_adds_up_and_a_gauge_is_what_it_was_last(measures: Measures, reader: InMemoryMetricReader) -> None:
    for amount in (2, 3):
        measures.count(names.STEPS, amount)
        measures.record(names.QUEUE_AGE, amount)
    assert [point.value for point in points(reader, "flux_mlx.denoise.steps")] == [5]
    measures.record(names.QUEUE_AGE, 7)
    assert [point.value for point in points(reader, "flux_mlx.queue.age")] == [7]


def test_a_gauge_is_looked_at_when_it_is_wanted(measures: Measures, reader: InMemoryMetricReader) -> None:
    held = {"picture": 1.0}
    measures.observe(names.CACHE_SIZE, lambda: [(size, {names.CACHE_NAME: name}) for name, size in held.items()])
    held["picture"] = 9.0
    assert [(point.value, dict(point.attributes)) for point in points(reader, "flux_mlx.cache.size")] == [
        (9.0, {"flux_mlx.cache.name": "picture"})
    ]


def test_an_attribute_that_is_not_the_metrics_own_is_refused(measures: Measures) -> None:
    with pytest.raises(ValueError, match=r"flux_mlx.images does not carry render.job_id"):
        measures.count(names.IMAGES, 1, {names.RENDER_JOB_ID: "one"})


def test_a_metric_is_used_as_what_it_is(measures: Measures) -> None:
    with pytest.raises(ValueError, match=r"flux_mlx.images is a counter"):
        measures.record(names.IMAGES, 1)
    with pytest.raises(ValueError, match="is a histogram, or in use already"):
        measures.observe(names.QUEUE_WAIT, list)
    measures.observe(names.IMAGES, list)
    with pytest.raises(ValueError, match="in use already"):
        measures.observe(names.IMAGES, list)


def test_without_a_provider_nothing_is_kept() -> None:
    measures = Measures()
    measures.count(names.IMAGES)
    measures.record(names.RENDER_DURATION, 1.0)
    measures.observe(names.QUEUE_AGE, list)
    assert not measures.is_on
