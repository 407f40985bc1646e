"""The programs of the stores, fetched once a run."""

import pytest

from scripts.telemetry.programs import Programs, fetch


@pytest.fixture(scope="session")
def programs() -> Programs:
    return fetch(print)
