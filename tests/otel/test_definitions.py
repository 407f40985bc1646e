"""Every definition of telemetry: one name once, in the form that the conventions ask for, with something to say."""

import re

import pytest

from kilnmark.otel import names
from kilnmark.otel.names.definitions import AttributeName, Instrument, Metric, SpanName

DEFINED = {name: value for name, value in vars(names).items() if isinstance(value, AttributeName | Metric | SpanName)}
UNITS = {"s", "By", "1"}


def name_of(value: AttributeName | Metric | SpanName) -> str:
    return value.name if isinstance(value, Metric) else str(value)


def test_no_name_stands_for_two_things() -> None:
    said = [name_of(value) for value in DEFINED.values()]
    assert sorted(said) == sorted(set(said))


@pytest.mark.parametrize("value", DEFINED.values(), ids=DEFINED)
def test_every_definition_says_what_it_means(value: AttributeName | Metric | SpanName) -> None:
    assert value.meaning.endswith((".", ":"))
    assert re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z0-9_]*)+", name_of(value))


@pytest.mark.parametrize("metric", names.METRICS, ids=lambda metric: metric.name)
def test_a_metric_has_a_unit_of_the_conventions(metric: Metric) -> None:
    assert metric.unit in UNITS or re.fullmatch(r"\{[a-z]+\}", metric.unit)
    assert not metric.name.endswith(("_total", ".total", metric.unit))
    assert list(metric.buckets) == sorted(set(metric.buckets))


def test_renders_of_five_minutes_have_a_bucket() -> None:
    assert names.RENDER_DURATION.buckets[-1] == 300.0


def test_a_histogram_without_buckets_is_refused() -> None:
    with pytest.raises(ValueError, match="a histogram has buckets"):
        Metric("a.b", Instrument.HISTOGRAM, "s", "One.")
