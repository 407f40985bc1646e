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


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[malloc] Unable to allocate 17179869184 bytes."),
        RuntimeError("[metal::malloc] Attempting to allocate 9 bytes which is greater than the maximum of 8 bytes."),
        RuntimeError("cudaMallocAsync(&data, size, stream) failed: out of memory"),
    ],
    ids=repr,
)
def test_a_want_of_memory_is_named_with_the_size_that_wanted_it(error: Exception) -> None:
    ended = failed("j", error, doing="rendering 2048 x 4096")
    assert ended.code == RenderFailed.code
    assert ended.message.startswith(f"there was not memory enough for rendering 2048 x 4096 ({type(error).__name__}: ")
    assert str(error) in ended.message
    assert ended.message.endswith("; ask for a smaller picture, or give the worker more memory")
    beside = failed("j", error, doing="rendering 8 x 8 beside 2 references", smaller="fewer references")
    assert beside.message.endswith("; ask for fewer references, or give the worker more memory")


def test_what_nobody_foresaw_is_told_with_what_was_under_way() -> None:
    assert failed("j", OSError("full"), doing="saving the picture").message.startswith(
        "the engine failed while saving the picture: OSError"
    )
