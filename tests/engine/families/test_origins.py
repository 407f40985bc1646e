"""What a base is and who loads it, before anything of it is loaded."""

from pathlib import Path

import msgspec
import pytest

from kilnmark.engine.families.family import BaseUnavailable, Origin
from kilnmark.engine.families.origins import find_origin, loader_of
from kilnmark.protocol.picture import catalog
from kilnmark.protocol.picture.catalog import FAMILIES, VARIANTS
from tests.directories import write_directory, write_small_klein


def test_a_name_of_the_catalog_is_that_variant_wherever_it_is_asked_from() -> None:
    assert find_origin("mine", "dev") == Origin("mine", VARIANTS["dev"])
    assert find_origin("dev", "standin").variant is VARIANTS["standin"]


def test_a_directory_is_what_its_weights_are(tmp_path: Path) -> None:
    origin = find_origin("mine", str(write_directory(tmp_path, guided=False)))
    assert origin.variant is VARIANTS["schnell"]
    assert origin.weights is not None
    assert origin.nbytes(None, 2) == origin.weights.numbers.nbytes(None, 2)


def test_a_directory_under_the_name_of_another_variant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        BaseUnavailable, match="lacks the embedder that reads guidance, so it is no dev; name it schnell"
    ):
        find_origin("dev", str(write_directory(tmp_path, guided=False)))


def test_what_comes_with_the_program_is_told_where_its_installation_lacks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kilnmark.keymaps.files.shipped.files", lambda _: tmp_path)
    with pytest.raises(BaseUnavailable, match=r"mini comes with kilnmark and is not whole here: .*; install kilnmark"):
        find_origin("mini", "mini")
    folder = write_small_klein(tmp_path / "models" / "mini")
    origin = find_origin("mini", "mini")
    assert (origin.weights is not None and origin.weights.path, origin.bits(8)) == (folder, None)


def test_what_is_made_up_is_never_quantized() -> None:
    standin, dev = find_origin("standin", "standin"), find_origin("dev", "dev")
    assert (standin.bits(4), dev.bits(4)) == (None, 4)
    assert standin.nbytes(4, 4) == standin.nbytes(None, 4)
    assert dev.nbytes(4, 2) < dev.nbytes(None, 2)


@pytest.mark.parametrize("module", ["nowhere.at_all", "bisect"])
def test_a_family_whose_module_is_missing_or_is_none_is_named(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = msgspec.structs.replace(FAMILIES["flux1"], engine=module)
    monkeypatch.setattr(catalog, "FAMILIES", {"flux1": broken})
    said = rf"{module}, which loads FLUX\.1, cannot be used: .*; mend or install it"
    with pytest.raises(BaseUnavailable, match=said):
        loader_of(find_origin("dev", "dev"))
