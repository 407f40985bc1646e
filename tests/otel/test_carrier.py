"""Trace context through a message and back, recorded or not."""

import pytest
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, NoOpTracer, set_span_in_context

from kilnmark.otel.carrier import Carrier, carrier_of, context_from, trace_id_of

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


def test_a_context_comes_back_as_it_went_in() -> None:
    assert carrier_of(context_from(PARENT, "vendor=1")) == Carrier(PARENT, "vendor=1")


def test_without_a_trace_state_there_is_none_on_the_way_out() -> None:
    assert carrier_of(context_from(PARENT, None)) == Carrier(PARENT, None)


@pytest.mark.parametrize("traceparent", [None, "", "nonsense", f"00-{'0' * 32}-00f067aa0ba902b7-01", PARENT[:-4]])
def test_what_is_no_trace_context_begins_a_new_trace(traceparent: str | None) -> None:
    assert carrier_of(context_from(traceparent, "vendor=1")) == Carrier(None, None)


def test_with_tracing_off_a_callers_trace_is_still_told_and_passed_on() -> None:
    span = NoOpTracer().start_span("x", context=context_from(PARENT, "vendor=1"))
    assert not span.is_recording()
    assert trace_id_of(span) == TRACE_ID
    assert carrier_of(span) == Carrier(PARENT, "vendor=1")


def test_without_any_trace_there_is_no_id() -> None:
    span = NoOpTracer().start_span("x", context=Context())
    assert trace_id_of(span) == trace_id_of(INVALID_SPAN) == ""
    assert carrier_of(span) == Carrier(None, None)


def test_a_span_and_a_context_that_holds_it_carry_the_same() -> None:
    span = NoOpTracer().start_span("x", context=context_from(PARENT))
    assert carrier_of(span) == carrier_of(set_span_in_context(span))
