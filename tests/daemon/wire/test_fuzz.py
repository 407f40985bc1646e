"""A slice of the wire's fuzzer, and that it would notice."""

import msgspec
import pytest

from kilnmark.daemon.methods import Methods
from kilnmark.daemon.wire.exchange import Exchange
from kilnmark.protocol.wire import methods
from kilnmark.protocol.wire.call import CallMeta
from kilnmark.protocol.wire.methods import WireMethod
from kilnmark.protocol.wire.replies import PingResult
from kilnmark.protocol.wire.requests import PingParams
from tests.daemon.wire.fuzz import fuzz
from tests.daemon.wire.fuzz_cases import FIELDS, META, case_of


def test_nearly_requests_get_documented_errors_and_nothing_else() -> None:
    run = fuzz(60, 1, cases=200)
    assert run.failures == []
    assert {"result", "-32700 parse", "-32600 invalid_request", "-32602 invalid_params"} <= set(run.outcomes)


def test_an_id_that_changed_bytes_made_another_cases_is_answered_as_often_as_it_was_sent() -> None:
    run = fuzz(60, 28, first=9550, cases=1)
    assert [case_of(28, number).data.count(b'"9564.0"') for number in (9560, 9564)] == [1, 1]
    assert run.failures == []


def test_a_defect_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_self: Methods, _params: PingParams, _exchange: Exchange) -> PingResult:
        raise ZeroDivisionError

    monkeypatch.setattr(Methods, "ping", broken)
    [(number, told), *_] = fuzz(60, 1, cases=1).failures
    assert (number, "a defect" in told) == (0, True)


def test_a_case_is_its_seed_and_its_number() -> None:
    assert [case_of(7, i) for i in range(50)] == [case_of(7, i) for i in range(50)]
    assert len({case_of(7, i).data for i in range(50)}) > 40


def test_every_method_and_every_field_is_fuzzed() -> None:
    served = [each for each in vars(methods).values() if isinstance(each, WireMethod)]
    fields = {each.name: msgspec.structs.fields(each.params) for each in served}
    names = {name: {one.encode_name for one in found} - {"_meta"} for name, found in fields.items()}
    assert names == {name: set(found) for name, found in FIELDS.items()}
    assert {one.encode_name for one in msgspec.structs.fields(CallMeta)} == set(META)
