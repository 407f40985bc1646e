"""Reference pictures of a FLUX.2-klein: painted from as mflux's `Flux2KleinEdit` does, at the sizes that it reads."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from mflux.models.flux2.variants.edit.flux2_klein_edit import Flux2KleinEdit
from mflux.models.flux2.variants.edit.flux2_klein_edit_helpers import MAX_REFERENCE_AREA, _Flux2KleinEditHelpers
from mflux.models.flux2.variants.txt2img.flux2_klein import Flux2Klein
from numpy.typing import NDArray
from PIL import Image

from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.references import Reference
from kilnmark.protocol.picture.fitting import LARGEST_AREA, fitted
from kilnmark.protocol.picture.spec import PictureSize
from tests.engine.families.flux2.small import small_klein, write_as_mflux
from tests.engine.families.standins import PROMPT, Followed, picture, standin, uncompiled

SIZES = (48, 32), (33, 50)
"""Of two references; the second is cropped."""


@pytest.fixture(scope="module")
def klein() -> Flux2Klein:
    return small_klein()


@pytest.fixture(scope="module")
def base(klein: Flux2Klein, tmp_path_factory: pytest.TempPathFactory) -> Base:
    return load_base(str(write_as_mflux(klein, tmp_path_factory.mktemp("klein"))), None)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Of noise, a file each."""
    folder, rng = tmp_path_factory.mktemp("references"), np.random.default_rng(3)
    found = []
    for width, height in SIZES:
        file = folder / f"{width}.png"
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(file)
        found.append(file)
    return found


def reference(file: Path) -> Reference:
    return Reference(sha256_of_file(file), np.asarray(Image.open(file)))


def sha256_of_file(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def painted(base: Base, files: Sequence[Path], **more: object) -> NDArray[np.uint8]:
    spec = picture(base, **more)
    if not files:
        return np.asarray(base.generate(spec, Followed()))
    return np.asarray(base.generate_beside([reference(file) for file in files], spec, Followed()))


def by_mflux(klein: Flux2Klein, files: Sequence[Path], guidance: float = 1.0) -> NDArray[np.uint8]:
    """What mflux's own edit makes with the same parts."""
    edit = Flux2KleinEdit.__new__(Flux2KleinEdit)
    vars(edit).update(vars(klein))
    dict.update(edit, klein)
    with uncompiled():
        image = edit.generate_image(
            seed=1,
            prompt=PROMPT,
            num_inference_steps=2,
            height=32,
            width=32,
            guidance=guidance,
            image_paths=list(files),
        )
    return np.asarray(image.image)


@pytest.mark.parametrize("count", [1, 2])
def test_a_picture_with_references_is_mfluxs_own_to_the_last_bit(
    base: Base, klein: Flux2Klein, files: list[Path], count: int
) -> None:
    mine = painted(base, files[:count])
    assert np.array_equal(mine, by_mflux(klein, files[:count]))
    assert not np.array_equal(mine, painted(base, []))


@pytest.fixture(scope="module")
def guided(klein: Flux2Klein, tmp_path_factory: pytest.TempPathFactory) -> Base:
    """The same weights under the name of what the distilled variant comes from."""
    path = write_as_mflux(klein, tmp_path_factory.mktemp("base"))
    return load_base("flux2-klein-base-4b", None, str(path))


@pytest.mark.slow
def test_the_model_that_was_distilled_is_guided_with_references_as_mflux_guides_it(
    guided: Base, klein: Flux2Klein, files: list[Path]
) -> None:
    assert np.array_equal(painted(guided, files), by_mflux(klein, files, guidance=4.0))


def test_the_order_of_references_matters(base: Base, files: list[Path]) -> None:
    assert not np.array_equal(painted(base, files), painted(base, files[::-1]))


def test_a_reference_is_encoded_once_for_pictures_of_any_size_and_let_go_with_the_rest(
    base: Base, files: list[Path]
) -> None:
    base.let_go()
    asked = reference(files[0])
    ((first,),) = base.references.encoded([asked], PictureSize(32, 32))
    ((again,),) = base.references.encoded([asked], PictureSize(64, 48))
    assert again is first
    assert base.extra_bytes == base.references.nbytes == first.nbytes > 0
    base.let_go()
    assert base.extra_bytes == 0


@pytest.mark.parametrize("size", [*SIZES, (1100, 1000), (3000, 2000), (1448, 725), (2048, 513)])
def test_what_is_told_of_a_size_is_what_mflux_reads_of_it(size: tuple[int, int]) -> None:
    read = fitted(PictureSize(*size), PictureSize(32, 32), "own")
    assert _Flux2KleinEditHelpers.reference_dims(*size) == read.kept
    assert MAX_REFERENCE_AREA == LARGEST_AREA


def test_one_that_is_stopped_with_a_reference_paints_the_same_afterwards(base: Base, files: list[Path]) -> None:
    before = painted(base, files[:1])
    with pytest.raises(InterruptedError):
        base.generate_beside([reference(files[0])], picture(base), Followed(stop_at=1))
    assert np.array_equal(painted(base, files[:1]), before)


def test_a_base_without_what_encodes_pictures_is_held_and_says_so_when_it_is_shown_one(
    files: list[Path], tmp_path: Path
) -> None:
    blind = load_base(str(write_as_mflux(small_klein(sees=False), tmp_path)), None)
    assert painted(blind, []).shape == (32, 32, 3)
    with pytest.raises(BaseUnavailable, match=r"holds nothing that encodes pictures \(vae/encoder\); save the model"):
        painted(blind, files[:1])


def test_a_base_of_a_family_that_takes_none_says_so(files: list[Path]) -> None:
    base = standin("standin:z-image-turbo")
    with pytest.raises(BaseUnavailable, match="standin:z-image-turbo takes no reference pictures; leave reference_im"):
        painted(base, files[:1])
