"""The nodes of a farm as one daemon: which bases, as most have them, and why nothing is begun."""

from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

import pytest

from kilnmark.farm.content.local import keymaps_digest
from kilnmark.farm.documents import NodeInfo, ServedBase
from kilnmark.farm.errors import NoNode
from kilnmark.farm.submit.nodes import SeenNode, as_one_daemon, known_bases, needs_of, why_paused
from kilnmark.protocol.wire.memory import BaseInfo

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def base(fingerprint: str) -> BaseInfo:
    return BaseInfo(
        variant="mini",
        fingerprint=fingerprint,
        precision="bfloat16",
        quantize=None,
        backend="cpu",
        target_count=1,
        memory_bytes=7,
        load_ms=1.0,
        mlx_version="1",
        mflux_version="1",
    )


def node(name: str, *, seen_s: float = 1.0, fingerprint: str = "a", **facts: Any) -> SeenNode:
    served = ServedBase(variant="mini", bytes=9, known=base(fingerprint))
    info = NodeInfo(
        **{"name": name, "version": version("kilnmark"), "keymaps": keymaps_digest(), "state": "idle"}
        | {"bases": (served,)}
        | facts
    )
    return SeenNode(info, NOW - timedelta(seconds=seen_s))


def test_a_base_is_what_most_nodes_have_wherever_it_is_held_now() -> None:
    nodes = [node("a", fingerprint="x"), node("b", fingerprint="y"), node("c", fingerprint="x")]
    found = known_bases(nodes)
    assert found["mini"].fingerprint == "x"
    assert needs_of("mini", found["mini"], nodes).bytes == 9


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([], "has joined yet; say `kilnmark farm work`"),
        ([node("a", version="0.0.1")], "they are of 0.0.1; install the same on both"),
        ([node("a", keymaps="other")], "reads adapters as this program does"),
        ([node("a", bases=())], "serves a base"),
    ],
)
def test_without_a_node_whose_pictures_could_be_had_it_is_told_what_is_missing(
    nodes: list[SeenNode], said: str
) -> None:
    with pytest.raises(NoNode, match=said):
        as_one_daemon(nodes, "nats://here", "out")


def test_nothing_is_paused_while_a_node_takes_work_and_else_it_is_told_where_all_are() -> None:
    gone = [node("a", state="left"), node("b", seen_s=31), node("c", state="draining"), node("e", version="0.0.1")]
    assert why_paused([*gone, node("d", state="working")], NOW) is None
    paused = why_paused(gone, NOW)
    assert paused is not None
    assert (
        paused.because
        == "no node takes work (a has left, b is lost, c is draining, e is of kilnmark 0.0.1 and not 0.1.0)"
    )


def test_it_drafts_on_bases_on_which_every_node_drafts() -> None:
    drafting = (ServedBase(variant="mini", drafts=True), ServedBase(variant="dev", drafts=True))
    nodes = [node("a", bases=drafting), node("b", bases=(ServedBase(variant="dev"),))]
    assert as_one_daemon(nodes, "nats://desk", "").drafts == ["mini"]
