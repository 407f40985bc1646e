"""The JSON-RPC rules of the daemon's end: what one line becomes, whatever stands in it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.protocol.wire import jsonrpc
from kilnmark.protocol.wire.decoding import DEPTH_LIMIT
from kilnmark.protocol.wire.errors import InvalidParams, InvalidRequest, ParseError
from kilnmark.protocol.wire.jsonrpc import BATCH_LIMIT, ID_LIMIT, Call, Refusal, read_frame

NO_SURROGATES = st.characters(exclude_categories=["Cs"])
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(NO_SURROGATES),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(NO_SURROGATES), inner, max_size=4),
    max_leaves=12,
)


def only(line: bytes | str) -> Call | Refusal:
    frame = read_frame(line.encode() if isinstance(line, str) else line)
    assert not frame.is_batch
    [item] = frame.items
    return item


def refused(line: bytes | str) -> Refusal:
    item = only(line)
    assert isinstance(item, Refusal)
    return item


def called(line: bytes | str) -> Call:
    item = only(line)
    assert isinstance(item, Call)
    return item


def test_a_request_is_a_call() -> None:
    assert called('{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":1}}') == Call(b"7", "ping", b'{"a":1}')


@pytest.mark.parametrize(
    "id_",
    [
        "0",
        "-1",
        "1.0",
        "1.50",
        "1e3",
        "1E+300",
        "12345678901234567890123",
        '""',
        '"a\\u0041\\n"',
        '"\\/"',
        '"\u00e9"',
        "null",
    ],
)
def test_ids_are_echoed_byte_for_byte(id_: str) -> None:
    call = called(f'{{"jsonrpc":"2.0", "id" : {id_} ,"method":"ping"}}')
    assert call.id == id_.encode()
    assert jsonrpc.result(call.id, {}) == b'{"jsonrpc":"2.0","id":' + id_.encode() + b',"result":{}}'


@given(id_=st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(NO_SURROGATES, max_size=20))
def test_any_id_comes_back_as_it_was_written(id_: object) -> None:
    written = json.dumps(id_)
    assert called(f'{{"jsonrpc":"2.0","id":{written},"method":"m"}}').id == written.encode()


@pytest.mark.parametrize("id_", ["true", "false", "[]", "{}", "[1]", "1e999", "-1E+400", '"' + "x" * ID_LIMIT + '"'])
def test_other_ids_are_refused_and_answered_to_null(id_: str) -> None:
    refusal = refused(f'{{"jsonrpc":"2.0","id":{id_},"method":"ping"}}')
    assert refusal.id == b"null"
    assert isinstance(refusal.error, InvalidRequest)
    assert "$.id" in refusal.error.message


@pytest.mark.parametrize(
    "params", ["", ',"params":{}', ',"params":[]', ',"params":1', ',"params":[1,2]', ',"params":null']
)
def test_a_notification_is_a_call_without_an_id_whatever_its_params(params: str) -> None:
    assert called(f'{{"jsonrpc":"2.0","method":"ping"{params}}}').id is None


@given(params=JSON_VALUES)
def test_no_params_can_make_a_notification_reply(params: object) -> None:
    call = called(f'{{"jsonrpc":"2.0","method":"m","params":{json.dumps(params)}}}')
    assert call.id is None


@pytest.mark.parametrize(
    ("params", "read"),
    [("{}", b"{}"), ("[]", b"{}"), ('[ {"a": 1} ]', b'{"a": 1}'), (' {"a" : [1]} ', b'{"a" : [1]}')],
)
def test_params_may_be_an_object_an_empty_array_or_an_array_of_one_object(params: str, read: bytes) -> None:
    assert called(f'{{"jsonrpc":"2.0","id":1,"method":"m","params":{params}}}').params == read


@pytest.mark.parametrize("params", ["1", '"x"', "null", "[1]", "[{},{}]", "[[]]", "[null]"])
def test_other_params_are_refused_with_the_requests_id(params: str) -> None:
    refusal = refused(f'{{"jsonrpc":"2.0","id":"q","method":"m","params":{params}}}')
    assert refusal.id == b'"q"'
    assert refusal.error.code == -32602
    assert "$.params" in refusal.error.message


@pytest.mark.parametrize("version", ['"1.0"', '"2"', "2.0", "2", "null", '"2.0 "', '"\\u0032.0"'])
def test_jsonrpc_is_exactly_two_point_zero(version: str) -> None:
    refusal = refused(f'{{"jsonrpc":{version},"id":3,"method":"m"}}')
    assert refusal.id == b"3"
    assert isinstance(refusal.error, InvalidRequest)
    assert "$.jsonrpc" in refusal.error.message


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ('{"id":1,"method":"m"}', "`$.jsonrpc`"),
        ('{"jsonrpc":"2.0","id":1}', "`$.method`"),
        ('{"jsonrpc":"2.0","id":1,"method":3}', "`$.method`"),
        ('{"jsonrpc":"2.0","id":1,"method":null}', "`$.method`"),
        ('{"jsonrpc":"2.0","id":1,"method":"m","zz":1}', "`$.zz`"),
    ],
)
def test_a_refused_envelope_names_the_path_and_keeps_the_id(line: str, path: str) -> None:
    refusal = refused(line)
    assert refusal.id == b"1"
    assert refusal.error.code == -32600
    assert path in refusal.error.message


@pytest.mark.parametrize("line", ["1", '"text"', "null", "true", "{}", '{"foo":"boo"}'])
def test_a_value_that_is_no_request_is_answered_to_null(line: str) -> None:
    refusal = refused(line)
    assert refusal.id == b"null"
    assert isinstance(refusal.error, InvalidRequest)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b'{"jsonrpc":"2.0","id":1,"method":"m"',
        b'{"jsonrpc":"2.0","id":1,"method":"m"} x',
        b'{"jsonrpc":"2.0","id":1,"method":"m"}{}',
        b'{"jsonrpc":"2.0","id":NaN,"method":"m"}',
        b'{"jsonrpc":"2.0","id":01,"method":"m"}',
        b'{"jsonrpc":"2.0","id":1,"method":"\xff"}',
        b'{"jsonrpc":"2.0","id":1,"method":"\xed\xa0\x80"}',
        b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}',
        b"\xef\xbb\xbf{}",
        b"'single'",
    ],
)
def test_what_is_not_one_json_value_in_utf8_is_a_parse_error(line: bytes) -> None:
    refusal = refused(line)
    assert refusal.id == b"null"
    assert isinstance(refusal.error, ParseError)


def test_every_proper_prefix_of_a_request_is_a_parse_error() -> None:
    line = '{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"\u00e9"}}'.encode()
    for end in range(1, len(line)):
        assert isinstance(refused(line[:end]).error, ParseError), line[:end]


def nested(depth: int) -> str:
    inner = depth - 2
    return '{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":' + "[" * inner + "]" * inner + "}}"


def test_nesting_up_to_the_limit_is_read() -> None:
    assert called(nested(DEPTH_LIMIT)).method == "m"


@pytest.mark.parametrize("depth", [DEPTH_LIMIT + 1, 900, 100_000])
def test_nesting_beyond_the_limit_is_a_parse_error(depth: int) -> None:
    refusal = refused(nested(depth))
    assert isinstance(refusal.error, ParseError)
    assert "too deep" in refusal.error.message


def test_brackets_in_strings_and_side_by_side_are_no_depth() -> None:
    text = json.dumps('[{\\"' * 500)
    pairs = "[]," * 500 + "{}"
    assert called(f'{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"a":{text},"b":[{pairs}]}}}}').method == "m"


def test_the_last_of_two_equal_keys_wins() -> None:
    assert called('{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}').id == b"2"


@given(st.binary(max_size=60))
def test_no_bytes_can_raise(line: bytes) -> None:
    assert read_frame(line).items


@given(JSON_VALUES)
def test_no_json_value_can_raise(value: object) -> None:
    assert read_frame(json.dumps(value).encode()).items


def test_an_empty_batch_is_one_refusal_and_no_batch() -> None:
    assert isinstance(refused("[]").error, InvalidRequest)


def requests(count: int) -> bytes:
    return b"[" + b",".join(jsonrpc.request(i, "ping", {}) for i in range(count)) + b"]"


def test_a_batch_may_have_sixty_four_requests() -> None:
    frame = read_frame(requests(BATCH_LIMIT))
    assert frame.is_batch
    assert [item.id for item in frame.items] == [str(i).encode() for i in range(BATCH_LIMIT)]


def test_one_request_more_is_one_refusal() -> None:
    refusal = refused(requests(BATCH_LIMIT + 1))
    assert isinstance(refusal.error, InvalidRequest)
    assert str(BATCH_LIMIT) in refusal.error.message


def test_every_item_of_a_batch_is_read_for_itself() -> None:
    frame = read_frame(b'[1, {"jsonrpc":"2.0","id":2,"method":"m"}, {"jsonrpc":"2.0","method":"n"}, []]')
    kinds = [(type(item), item.id) for item in frame.items]
    assert kinds == [(Refusal, b"null"), (Call, b"2"), (Call, None), (Refusal, b"null")]


def test_the_replies_of_a_batch_are_one_array() -> None:
    replies: list[dict[str, Any]] = json.loads(jsonrpc.batch([jsonrpc.result(b"1", 5), jsonrpc.result(b'"b"', [])]))
    assert [(reply["id"], reply["result"]) for reply in replies] == [(1, 5), ("b", [])]


def test_a_reply_with_a_name_that_is_no_text_is_sent_all_the_same() -> None:
    assert jsonrpc.result(b"1", ["raw\udcff"]) == b'{"jsonrpc":"2.0","id":1,"result":["raw\\\\udcff"]}'
    assert b"raw\\\\udcff" in jsonrpc.failure(b"1", InvalidParams("there is raw\udcff"))
