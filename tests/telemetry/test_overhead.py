"""What telemetry costs renders, and how long a collector can hold up the end of a daemon."""

import pytest

from scripts.telemetry.overhead import measure
from tests.benchmarks.figures import Headline, tell

pytestmark = pytest.mark.telemetry

ROUNDS = 28


def test_renders_are_measured_with_telemetry_and_without_it() -> None:
    found = measure(ROUNDS)
    assert found.spans >= 5 * ROUNDS, "telemetry was off where it was to be measured"
    tell(Headline(name="overhead_ratio", value=found.ratios["full"]))
    tell(Headline(name="overhead_ratio_dead", value=found.ratios["dead"]))
    tell(Headline(name="overhead_ratio_hanging", value=found.ratios["hanging"]))
    tell(Headline(name="exit_s", value=max(found.exits.values())))
