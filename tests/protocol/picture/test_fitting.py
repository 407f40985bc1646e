"""How reference pictures are fitted: sizes in, sizes out, and what is told of what is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.protocol.picture.fitting import LARGEST_AREA, fitted, how_fitted
from kilnmark.protocol.picture.spec import PictureSize

ASKED = PictureSize(768, 1024)
SIDES = st.integers(16, 20_000)


@pytest.mark.parametrize(
    ("own", "scaled", "kept", "said"),
    [
        ((512, 640), (512, 640), (512, 640), ""),
        ((500, 640), (500, 640), (496, 640), "has 500 x 640 pixels and was cut to the middle 496 x 640"),
        ((2048, 2048), (1024, 1024), (1024, 1024), "has 2048 x 2048 pixels and was scaled to 1024 x 1024"),
        (
            (3000, 2000),
            (1254, 836),
            (1248, 832),
            "has 3000 x 2000 pixels and was scaled to 1254 x 836 and cut to the middle 1248 x 832",
        ),
    ],
)
def test_one_in_its_own_size_is_scaled_to_a_megapixel_and_cut_to_whole_tokens(
    own: tuple[int, int], scaled: tuple[int, int], kept: tuple[int, int], said: str
) -> None:
    read = fitted(PictureSize(*own), ASKED, "own")
    assert (read.scaled, read.kept) == (scaled, kept)
    assert read.tokens == kept[0] * kept[1] // 256
    assert how_fitted(PictureSize(*own), read) == said


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ((768, 1024), ""),
        ((1536, 2048), "has 1536 x 2048 pixels and was scaled to 768 x 1024"),
        ((1024, 1024), "has 1024 x 1024 pixels and was stretched to 768 x 1024"),
    ],
)
def test_one_in_the_asked_size_is_stretched_to_it_and_that_is_told(own: tuple[int, int], said: str) -> None:
    read = fitted(PictureSize(*own), ASKED, "asked")
    assert (read.scaled, read.kept) == (ASKED, ASKED)
    assert how_fitted(PictureSize(*own), read) == said


@pytest.mark.parametrize("own", [(15, 300), (300, 15), (200_000, 40)])
def test_one_of_which_nothing_would_be_left_is_refused_with_its_size(own: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"{own[0]} x {own[1]} is less than 16 pixels a side"):
        fitted(PictureSize(*own), ASKED, "own")


@given(SIDES, SIDES)
def test_what_is_kept_is_whole_tokens_of_at_most_about_a_megapixel(width: int, height: int) -> None:
    try:
        scaled, kept = fitted(PictureSize(width, height), ASKED, "own")
    except ValueError:
        assert max(width, height) > 64 * min(width, height)
        return
    assert all(0 <= whole - part < 16 and part % 16 == 0 for whole, part in zip(scaled, kept, strict=True))
    assert scaled.width * scaled.height <= LARGEST_AREA * 1.02
