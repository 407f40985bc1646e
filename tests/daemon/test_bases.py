"""Several bases behind one daemon: tiers bring theirs, `status` shows what each costs, one that fails harms no other.

Every name here is the standin under another, so that each is loaded in a second.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from kilnmark.keymaps.zoo.write import make_adapter
from tests.daemon.conftest import SMALL, Daemon, Message, Wire, running_daemon

pytestmark = pytest.mark.slow

BASES = {"dev": "standin", "schnell": "standin", "gone": "/nowhere/at-all"}
ROOM_FOR_TWO = 300 << 20


@pytest.fixture(scope="module")
def holding() -> Iterator[Daemon]:
    with running_daemon(bases=BASES, base_memory=ROOM_FOR_TWO, heartbeat_interval=0.2) as daemon:
        yield daemon.warm()


@pytest.fixture
def wire(holding: Daemon) -> Iterator[Wire]:
    with holding.wire() as wire:
        yield wire


def held(status: Message) -> dict[str, dict[str, Any]]:
    """What is held by variant, the least recently used first."""
    return {each["base"]["variant"]: each for each in status["memory"]["bases"]}


def test_tiers_bring_their_variants_and_the_least_recently_used_leaves(wire: Wire) -> None:
    first = wire.result("render", {**SMALL, "tier": "portrait"})
    second = wire.result("render", {**SMALL, "tier": "text_overlay"})
    assert [(each["variant"], each["warnings"]) for each in (first, second)] == [("dev", []), ("schnell", [])]
    assert second["timings"]["load_ms"] > 0
    status = wire.result("status")
    assert list(held(status)) == ["dev", "schnell"]
    assert status["base"] is None


def test_status_shows_each_base_with_what_it_costs_and_what_is_on_it(wire: Wire, holding: Daemon) -> None:
    ink = make_adapter(holding.loras / "ink.safetensors", blocks=1, rank=2)
    wire.result("render", {**SMALL, "variant": "standin", "lora_paths": [str(ink)], "lora_scales": [0.5]})
    status = wire.result("status")
    assert status["variants"] == ["standin", "dev", "schnell", "gone"]
    assert status["memory"]["limits"]["base_bytes"] == ROOM_FOR_TWO
    mine = held(status)["standin"]
    assert mine["base"] == status["base"]
    assert mine["declared_bytes"] == pytest.approx(mine["base"]["memory_bytes"], rel=0.01)
    assert [(each["name"], each["scale"]) for each in mine["adapters"]] == [("ink", 0.5)]
    assert all(one["last_used"] <= mine["last_used"] for one in held(status).values())


def test_a_base_can_be_warmed_before_it_is_needed(wire: Wire) -> None:
    assert wire.result("warm_up", {"variant": "schnell"})["base"]["variant"] == "schnell"
    assert wire.result("render", {**SMALL, "variant": "schnell"})["timings"]["load_ms"] < 10


def test_one_that_cannot_be_held_fails_its_render_and_its_warm_up_and_nothing_else(wire: Wire) -> None:
    for method, params in (("render", {**SMALL, "variant": "gone"}), ("warm_up", {"variant": "gone"})):
        error = wire.error(method, params)
        assert error["code"] == -32000
        assert "/nowhere/at-all" in error["message"]
    status = wire.result("status")
    assert (status["state"], status["worker"]["restarts"], status["loading"]) == ("ready", 0, None)
    assert "result" in wire.call("render", SMALL)


@pytest.mark.parametrize("method", ["render", "warm_up"])
def test_a_directory_that_is_not_listed_is_never_looked_at(wire: Wire, method: str) -> None:
    params = {"variant": "/etc"} if method == "warm_up" else {**SMALL, "variant": "/etc"}
    error = wire.error(method, params)
    assert error["code"] == -32602
    assert "$.params.variant" in error["message"]


def test_a_render_that_waits_for_its_base_is_told_so(wire: Wire) -> None:
    wire.result("warm_up", {"variant": "dev"})
    wire.result("warm_up", {"variant": "schnell"})
    render = wire.send("render", {**SMALL, "variant": "standin", "_meta": {"progressToken": 1}})
    beat = wire.read_until(lambda message: message.get("method") == "notifications/heartbeat" or "result" in message)
    assert beat["params"]["state"] == "warming"
    assert "result" in wire.reply(render)


def test_the_time_a_render_may_stand_still_does_not_run_while_its_base_is_loaded() -> None:
    """A load of the standin takes longer than this step time-out on every machine; a step of it may too."""
    with (
        running_daemon(bases=BASES, base_memory=ROOM_FOR_TWO, step_timeout=0.05) as daemon,
        daemon.warm().wire() as wire,
    ):
        error = wire.error("render", {**SMALL, "variant": "dev"})
        assert "no progress for 0.05 seconds" in error["message"]
        assert "worker holds dev" in daemon.log
