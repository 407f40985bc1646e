"""The replies of a batch: all of them at once, and no more than a daemon should hold for one client."""

import json

import pytest

from kilnmark.daemon.wire.answers import Answers
from kilnmark.protocol.wire import jsonrpc
from kilnmark.protocol.wire.jsonrpc import REPLIES_LIMIT, SMALL_REPLY


def reply(id_: int, size: int) -> bytes:
    return jsonrpc.result(str(id_).encode(), "x" * size)


@pytest.mark.parametrize("is_batch", [True, False])
def test_large_replies_of_a_batch_that_do_not_fit_are_to_be_asked_for_apart_and_small_ones_always_go(
    *, is_batch: bool
) -> None:
    sent: list[bytes] = []
    sizes = (
        [REPLIES_LIMIT // 2, REPLIES_LIMIT // 2, SMALL_REPLY // 2, REPLIES_LIMIT // 4] if is_batch else [REPLIES_LIMIT]
    )
    answers = Answers(len(sizes), is_batch=is_batch, send=sent.append)
    for id_, size in enumerate(sizes):
        answers.add(reply(id_, size), str(id_).encode())
    (line,) = sent
    replies = json.loads(line) if is_batch else [json.loads(line)]
    refused = [each["id"] for each in replies if "error" in each]
    assert [each["id"] for each in replies] == list(range(len(sizes)))
    assert refused == ([1] if is_batch else [])
    if is_batch:
        error = replies[1]["error"]
        assert (error["code"], error["data"]["retryable"]) == (-32600, False)
        assert "the replies of a batch have 16 MB together; ask for it in a line of its own" in error["message"]
        assert len(line) < REPLIES_LIMIT + 2 * SMALL_REPLY
