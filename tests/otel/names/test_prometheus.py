"""What Prometheus calls our metrics, held to the page that OpenTelemetry's own exporter makes of each of them."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from kilnmark.otel.measures import Measures
from kilnmark.otel.names.definitions import Instrument, Metric
from kilnmark.otel.names.metrics import METRICS
from kilnmark.otel.names.prometheus import family_of, label_of, samples_of


def put(measures: Measures, metric: Metric) -> None:
    """One value, with everything that it may carry."""
    counted = metric.instrument in (Instrument.COUNTER, Instrument.UP_DOWN)
    (measures.count if counted else measures.record)(metric, 1, dict.fromkeys(metric.attributes, "x"))


@cache
def page() -> Mapping[str, set[str]]:
    """Every sample of the exporter's page, with its labels."""
    registry = CollectorRegistry()
    provider = MeterProvider([PrometheusMetricReader(registry=registry)], shutdown_on_exit=False)
    measures = Measures(provider.get_meter("kilnmark"))
    for metric in METRICS:
        put(measures, metric)
    found = defaultdict[str, set[str]](set)
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            found[sample.name] |= set(sample.labels)
    provider.shutdown()
    return found


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_the_exporters_page_has_it_under_these_names_and_labels(metric: Metric) -> None:
    for sample in samples_of(metric):
        assert {label_of(name) for name in metric.attributes} <= page()[sample]


def test_the_page_has_nothing_else_but_what_the_exporter_tells_of_itself() -> None:
    told = {name for name in page() if not name.endswith("_created")}
    assert told - {"target_info"} == {sample for metric in METRICS for sample in samples_of(metric)}


@pytest.mark.parametrize("unit", ["1", "By/s", "kg"])
def test_a_unit_that_exporters_name_in_two_ways_or_in_none_is_refused(unit: str) -> None:
    with pytest.raises(ValueError, match=r"^flux_mlx\.some: no name is known that every exporter gives"):
        family_of(Metric("flux_mlx.some", Instrument.GAUGE, unit, "Something."))
