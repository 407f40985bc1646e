"""What a render ends with, by what was raised."""

import pytest

from kilnmark.engine.ends import failed
from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.errors import AdapterRefused, Cancelled, RenderFailed

REPORT = AdapterReport(name="ink", path="/ink", verdict=Verdict.ENGAGED, reason="so")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (Cancelled("the render was cancelled"), Cancelled.code, "the render was cancelled"),
        (BaseUnavailable("no room"), RenderFailed.code, "no room"),
        (UnfitAdapter("/a", "is odd", "mend it"), AdapterRefused.code, "/a: is odd; mend it"),
        (ValueError("boom"), RenderFailed.code, "the engine failed while rendering: ValueError: boom"),
    ],
    ids=repr,
)
def test_every_error_ends_a_render_with_a_code_of_the_wire(error: Exception, code: int, message: str) -> None:
    ended = failed("j", error, [REPORT])
    assert (ended.job_id, ended.code, ended.message, ended.loras) == ("j", code, message, [REPORT])


def test_what_nobody_foresaw_is_told_with_what_was_under_way() -> None:
    assert failed("j", OSError("full"), doing="saving the picture").message.startswith(
        "the engine failed while saving the picture: OSError"
    )
