"""A call always ends in one reply, also when a method has a defect."""

import asyncio
import logging

import msgspec
import pytest

from kilnmark.daemon.methods import Method
from kilnmark.daemon.wire.dispatch import Dispatch
from kilnmark.daemon.wire.exchange import Exchange
from kilnmark.protocol.wire.jsonrpc import Call, Reply, read_message
from kilnmark.protocol.wire.requests import PingParams


async def _defective(_params: PingParams, _exchange: Exchange) -> object:
    raise ZeroDivisionError


async def _unspeakable(_params: PingParams, _exchange: Exchange) -> object:
    return object()


def answer(method: str) -> Reply:
    dispatch = Dispatch({"defective": Method(PingParams, _defective), "unspeakable": Method(PingParams, _unspeakable)})
    exchange = Exchange(Call(b"1", method, b"{}"), send=bytearray().extend, heartbeat_interval=1.0)
    reply = read_message(asyncio.run(dispatch.answer(exchange)))
    assert isinstance(reply, Reply)
    return reply


@pytest.mark.parametrize("method", ["defective", "unspeakable"])
def test_a_defect_is_an_internal_error_and_its_traceback_is_logged(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        error = answer(method).error
    assert error is not None
    assert error.code == -32603
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_an_unknown_method_is_told_the_known_ones() -> None:
    error = answer("jobs.get").error
    assert error is not None
    assert (error.code, "defective, unspeakable" in error.message) == (-32601, True)


def test_wrong_parameters_never_reach_the_method() -> None:
    dispatch = Dispatch({"defective": Method(PingParams, _defective)})
    call = Call(b"1", "defective", msgspec.json.encode({"zz": 1}))
    reply = read_message(asyncio.run(dispatch.answer(Exchange(call, bytearray().extend, 1.0))))
    assert isinstance(reply, Reply)
    assert reply.error is not None
    assert reply.error.code == -32602
