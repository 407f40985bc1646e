"""The collector's configuration: no part of it hangs in the air, and what it looks for is what traces have.

No collector is in any registry that this project uses, so none has read the file: its keys are held to lists that were
written by hand, from its components' documentation.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from kilnmark.otel.names import LORA_VERDICT
from kilnmark.protocol.picture.report import Verdict
from scripts.telemetry.programs import ROOT

COMPONENTS = {
    "receivers": {"otlp": {"protocols"}},
    "processors": {
        "memory_limiter": {"check_interval", "limit_mib", "spike_limit_mib"},
        "tail_sampling": {
            "decision_wait",
            "decision_wait_after_root_received",
            "num_traces",
            "decision_cache",
            "policies",
        },
    },
    "exporters": {
        "otlp_http": {"endpoint", "sending_queue"},
        "prometheus": {"endpoint", "enable_open_metrics"},
        "file": {"path", "rotation"},
    },
}
"""The components of the collector that are used, and of the keys that each has those that are."""

POLICIES = {
    "string_attribute": {"key", "values"},
    "status_code": {"status_codes"},
    "latency": {"threshold_ms"},
    "probabilistic": {"sampling_percentage"},
}


@cache
def written() -> Any:
    return yaml.safe_load((ROOT / "otel" / "collector.yaml").read_text())


def policies() -> Any:
    return written()["processors"]["tail_sampling"]["policies"]


@pytest.mark.parametrize("kind", COMPONENTS)
def test_every_component_is_one_of_the_collectors_and_has_its_keys(kind: str) -> None:
    for name, settings in written()[kind].items():
        assert set(settings) <= COMPONENTS[kind][name.partition("/")[0]], name


def test_every_policy_has_the_settings_of_its_type_alone() -> None:
    for policy in policies():
        assert set(policy) == {"name", "type", policy["type"]}
        assert set(policy[policy["type"]]) == POLICIES[policy["type"]]


def used(kind: str) -> Iterator[str]:
    for pipeline in written()["service"]["pipelines"].values():
        yield from pipeline[kind]


@pytest.mark.parametrize("kind", COMPONENTS)
def test_what_pipelines_are_made_of_is_there_and_nothing_else_is(kind: str) -> None:
    assert set(used(kind)) == set(written()[kind])


def test_every_signal_goes_somewhere() -> None:
    assert {name.partition("/")[0] for name in written()["service"]["pipelines"]} == {"traces", "metrics", "logs"}


def test_it_is_reached_from_this_machine_alone() -> None:
    listening = [each["endpoint"] for each in written()["receivers"]["otlp"]["protocols"].values()]
    listening.append(written()["exporters"]["prometheus"]["endpoint"])
    assert all(address.startswith("127.0.0.1:") for address in listening)


def test_a_trace_with_any_adapter_that_did_not_engage_is_kept() -> None:
    (kept,) = [policy["string_attribute"] for policy in policies() if policy["type"] == "string_attribute"]
    assert kept["key"] == LORA_VERDICT
    assert set(kept["values"]) == {verdict for verdict in Verdict if verdict is not Verdict.ENGAGED}
