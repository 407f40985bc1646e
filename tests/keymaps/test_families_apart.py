"""An adapter of one family or size, tried on every other: refused, with the name of the variant that it is for."""

from itertools import permutations
from pathlib import Path

import pytest

from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.shapes import load_shapes, painters
from kilnmark.keymaps.zoo.write import ConventionName, make_adapter
from kilnmark.protocol.picture.report import Verdict

ALIKE = {"dev": "schnell", "schnell": "dev", "flux3-klein": "flux3-klein-base"}
"""Models whose blocks are the same, so that an adapter of blocks fits both."""
MODELS = tuple(name for name in painters() if name not in {"schnell", "flux3-klein-base"})
BLOCKS = {"qwen-image-2.1": None, "flux2-klein-4b": None}
"""Of each kind in a file, where a few of them fit another model, too: all."""
CONVENTIONS: tuple[ConventionName, ...] = ("diffusers", "kohya")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ConventionName], Path]:
    """One of each model in each convention."""
    folder = tmp_path_factory.mktemp("adapters")
    return {
        (model, convention): make_adapter(
            folder / f"{model}-{convention}.safetensors",
            convention,
            shapes=load_shapes(model),
            rank=1,
            blocks=BLOCKS.get(model, 3),
        )
        for model in MODELS
        for convention in CONVENTIONS
    }


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize(("made_for", "tried_on"), list(permutations(MODELS, 2)))
def test_it_is_refused_by_the_name_of_the_right_one(
    files: dict[tuple[str, ConventionName], Path], made_for: str, tried_on: str, convention: ConventionName
) -> None:
    inspection = inspect_file(str(files[made_for, convention]), load_shapes(tried_on)).inspection
    named = " or ".join([made_for, *([ALIKE[made_for]] if made_for in ALIKE else [])])
    assert inspection.verdict is Verdict.REFUSED
    assert inspection.applied_target_count == 0
    assert f"it looks made for {named}; use it with" in inspection.reason


def test_a_few_blocks_of_klein_whose_attention_fits_flux1_never_pass_for_its_own(tmp_path: Path) -> None:
    klein = load_shapes("flux2-klein-4b")
    file = make_adapter(tmp_path / "a.safetensors", "diffusers", shapes=klein, rank=1, blocks=2)
    inspection = inspect_file(str(file), load_shapes("dev")).inspection
    assert inspection.verdict is Verdict.PARTIAL
    assert "24 of 56 keys are unknown" in inspection.reason
    assert "it looks made for flux2-klein-4b" in inspection.reason


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("model", MODELS)
def test_it_engages_where_it_belongs(
    files: dict[tuple[str, ConventionName], Path], model: str, convention: ConventionName
) -> None:
    assert inspect_file(str(files[model, convention]), load_shapes(model)).inspection.verdict is Verdict.ENGAGED
