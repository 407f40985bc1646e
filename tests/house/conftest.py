"""What the tests of a file have parsed goes with its last one."""

from collections.abc import Iterator

import pytest

from tests.house.modules import forget


@pytest.fixture(scope="module", autouse=True)
def _forgetting() -> Iterator[None]:
    yield
    forget()
