"""The time that painting will take: by steps that were measured, and not known where none was."""

import msgspec
import pytest

from kilnmark.client.batch.run.expected import Expected, expected, paces_of
from kilnmark.protocol.picture.spec import PictureSpec
from kilnmark.protocol.wire.pace import PaceInfo
from tests.client.batch.samples import picture

DEV = PaceInfo(variant="dev", width=1024, height=768, step_ms=2000, decode_ms=1000)
SPEC = PictureSpec(
    prompt="a mill", width=1024, height=768, steps=12, guidance=3.5, negative_prompt=None, variant="dev", seed=1
)


def of(**changes: object) -> PictureSpec:
    return msgspec.structs.replace(SPEC, **changes)


def test_a_size_that_was_measured_goes_by_its_own_steps() -> None:
    assert expected([of(), of(steps=20)], [DEV]) == Expected(12 * 2 + 1 + 20 * 2 + 1)


def test_another_size_goes_by_the_nearest_in_proportion_to_its_pixels_and_is_told_to() -> None:
    small = PaceInfo(variant="dev", width=256, height=192, step_ms=100)
    found = expected([of(width=512, height=384, steps=10)], [DEV, small])
    assert found.seconds == pytest.approx(4.0)
    assert found.is_rough


def test_what_was_not_measured_is_told_as_not_known_and_never_as_nothing() -> None:
    assert expected([of()], []) == Expected(None, 1)
    assert expected([of(), of(variant="mini")], [DEV]) == Expected(25, 1)
    assert expected([], [DEV]) == Expected(0.0)


def test_a_folder_tells_what_its_own_pictures_took() -> None:
    took = [picture(seconds=seconds, steps=4, width=64, height=48) for seconds in (4.0, 8.0, 100.0)]
    (pace,) = paces_of([*took, picture(seconds=None)])
    assert pace == PaceInfo(variant="standin", width=64, height=48, step_ms=2000)
