"""The traces of a run in a real store: what an operator searches for is found, and whole."""

from collections import Counter

import pytest

from kilnmark.otel import names
from scripts.telemetry.answers import wait_until
from tests.benchmarks.figures import Headline, tell
from tests.telemetry.conftest import Told

pytestmark = pytest.mark.telemetry


@pytest.fixture(scope="module", autouse=True)
def _delivered(told: Told) -> None:
    """The last render's trace is there, and so are those before it: they are sent in order."""
    last = told.done.traces["survived"]
    wait_until(lambda: any(not span["parent_id"] for span in told.traces.spans(trace_id=last)), "the last trace")


@pytest.mark.parametrize("what", [f"{names.LORA_VERDICT}:noop", f"{names.LORA_MATCHED_KEY_COUNT}:0"])
def test_the_trace_of_a_render_with_a_dead_adapter_is_found_by_what_is_wrong_with_it(told: Told, what: str) -> None:
    found = told.traces.spans(name=names.LORA_APPLY, attribute=what)
    assert told.done.traces["dead"] in {span["context"]["trace_id"] for span in found}
    dead = {span["attributes"][names.LORA_NAME] for span in found}
    assert "woodcut-renamed" in dead
    assert dead <= {"woodcut-renamed", "gouache-zeroed"}


def test_a_half_dead_one_is_found_by_its_verdict(told: Told) -> None:
    (found,) = told.traces.spans(attribute=f"{names.LORA_VERDICT}:partial")
    assert found["context"]["trace_id"] == told.done.traces["partial"]


def test_failed_are_those_with_an_adapter_that_did_not_engage_and_no_others(told: Told) -> None:
    failed = {span["context"]["trace_id"] for span in told.traces.spans(name=names.RENDER, status_code="ERROR")}
    assert failed == {told.done.traces[name] for name in ("dead", "partial", "refused")}


def test_the_tree_of_a_render_is_there_with_one_span_an_adapter(told: Told) -> None:
    spans = told.traces.spans(trace_id=told.done.traces["dead"])
    assert Counter(span["name"] for span in spans)[names.LORA_APPLY] == 3
    known = {span["context"]["span_id"] for span in spans}
    assert [span["name"] for span in spans if span["parent_id"] not in known] == [names.RENDER]


def test_a_render_that_outlived_its_worker_is_one_trace(told: Told) -> None:
    spans = told.traces.spans(trace_id=told.done.traces["survived"])
    assert [span["name"] for span in spans if not span["parent_id"]] == [names.RENDER]


def test_it_is_told_how_many_spans_there_are(told: Told) -> None:
    count = len(told.traces.spans())
    assert count > 0
    tell(Headline(name="spans", value=count))
