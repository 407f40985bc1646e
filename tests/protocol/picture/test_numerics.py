"""What a base computes in, from what is asked for, what its family has and where it computes."""

import pytest

from kilnmark.protocol.picture.numerics import AskedNumerics, Numerics, settled_numerics

BOTH: tuple[Numerics, ...] = ("exact", "fast")


@pytest.mark.parametrize(("backend", "settled"), [("cpu", "exact"), ("metal", "fast"), ("cuda", "fast")])
def test_where_nobody_asks_a_gpu_is_fast_and_a_cpu_exact(backend: str, settled: Numerics) -> None:
    assert settled_numerics("auto", BOTH, backend) == settled


@pytest.mark.parametrize("asked", BOTH)
@pytest.mark.parametrize("backend", ["cpu", "metal", "cuda"])
def test_what_is_asked_for_holds_wherever_it_computes(asked: Numerics, backend: str) -> None:
    assert settled_numerics(asked, BOTH, backend) == asked


@pytest.mark.parametrize("backend", ["cpu", "cuda"])
@pytest.mark.parametrize("offered", [("exact",), ("fast",)])
def test_where_nobody_asks_a_family_of_one_does_what_it_can(offered: tuple[Numerics, ...], backend: str) -> None:
    assert settled_numerics("auto", offered, backend) == offered[0]


@pytest.mark.parametrize(("asked", "offered"), [("fast", ("exact",)), ("exact", ("fast",))])
def test_what_a_family_does_not_have_is_not_settled(asked: AskedNumerics, offered: tuple[Numerics, ...]) -> None:
    assert settled_numerics(asked, offered, "cuda") is None
