"""A dev and a schnell of one block each behind one daemon: tiers bring their own, and there is room for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kilnmark.engine.compute import precision
from kilnmark.engine.families.base import load_base
from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.origins import find_origin
from tests.daemon.conftest import SMALL, Daemon, Wire, running_daemon
from tests.engine.tiny_flux import write_tiny_flux

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_flux(tmp_path_factory.mktemp("dev") / "flux")


@pytest.fixture(scope="module")
def schnell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_flux(tmp_path_factory.mktemp("schnell") / "flux", guided=False)


@pytest.mark.parametrize("quantize", [None, 4])
def test_what_a_directory_declares_is_what_it_is_measured_to_take(dev: Path, quantize: int | None) -> None:
    held = load_base("dev", quantize, str(dev))
    assert find_origin("dev", str(dev)).nbytes(quantize, precision().size) == pytest.approx(
        held.info.memory_bytes, rel=0.02
    )


def test_a_directory_under_the_name_of_the_other_is_refused_before_it_is_loaded(dev: Path, schnell: Path) -> None:
    with pytest.raises(BaseUnavailable, match="so it is no schnell; name it dev"):
        load_base("schnell", None, str(dev))
    with pytest.raises(BaseUnavailable, match="so it is no dev; name it schnell"):
        load_base("dev", None, str(schnell))


@pytest.fixture(scope="module")
def budget(dev: Path) -> int:
    return find_origin("dev", str(dev)).nbytes(None, precision().size) * 3 // 2


@pytest.fixture(scope="module")
def daemon(dev: Path, schnell: Path, budget: int) -> Iterator[Daemon]:
    bases = {"dev": str(dev), "schnell": str(schnell)}
    with running_daemon(variant="dev", bases=bases, base_memory=budget) as running:
        yield running.warm()


@pytest.fixture
def wire(daemon: Daemon) -> Iterator[Wire]:
    with daemon.wire() as wire:
        yield wire


def test_tiers_that_name_dev_and_schnell_just_work(wire: Wire, budget: int) -> None:
    for tier, variant in (("text_overlay", "schnell"), ("portrait", "dev")):
        result = wire.result("render", {**SMALL, "tier": tier})
        assert (result["variant"], result["warnings"]) == (variant, [])
        memory = wire.result("status")["memory"]
        (held,) = memory["bases"]
        assert held["base"]["variant"] == variant
        assert held["declared_bytes"] == pytest.approx(held["base"]["memory_bytes"], rel=0.02)
        assert held["base"]["memory_bytes"] <= memory["active_bytes"] < budget


def test_a_schnell_takes_no_guidance(wire: Wire) -> None:
    result = wire.result("render", {**SMALL, "variant": "schnell", "guidance": 7.0})
    assert result["guidance"] == 0.0
    assert "takes no guidance" in result["warnings"][0]
