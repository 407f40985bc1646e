"""The adapters of plans, each read once: which would not engage, and where they are asked for."""

from pathlib import Path

import pytest

from kilnmark.client.batch.plan.inspected import InspectedAdapter, inspect_adapters
from kilnmark.client.batch.plan.plan import Wishes, make_plan
from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict
from tests.client.batch.packs import SmallPacks, make_packs


@pytest.fixture
def packs(tmp_path: Path) -> SmallPacks:
    return make_packs(tmp_path, base_seed=1)


def inspected(packs: SmallPacks) -> tuple[list[str], dict[str, InspectedAdapter]]:
    read: list[str] = []
    plan = make_plan(Wishes(kind="poi", packs=packs.root), TokenCounter(None))
    found = inspect_adapters(((item.spec.variant, each) for item in plan.items for each in item.adapters), read.append)
    return read, {each.name: each for each in found}


def test_each_file_is_read_once_and_a_sound_one_is_not_accused(packs: SmallPacks) -> None:
    read, found = inspected(packs)
    assert sorted(read) == sorted(str(path.resolve()) for path in (packs.ink, packs.moss))
    assert [(each.inspection.verdict, each.asked, each.is_dead) for each in found.values()] == [
        (Verdict.ENGAGED, (), False)
    ] * 2


def test_a_dead_one_is_told_once_for_each_place_that_asks_for_it(packs: SmallPacks) -> None:
    make_adapter(packs.ink, blocks=1, rank=1, dead=True)
    packs.write("worlds/fen/visual_style.yaml", "positive_suffix: fog\n")
    _, found = inspected(packs)
    [asked] = found["ink"].asked
    assert found["ink"].is_dead
    assert str(asked).startswith("ash/visual_style.yaml:4: loras[0].file: is noop on standin: ")


@pytest.mark.parametrize("scales", ["scale: 0", "scale: 1, scales: {double: 0, single: 0.0}"])
def test_one_at_scale_0_is_told_where_that_is_written(packs: SmallPacks, scales: str) -> None:
    packs.write(
        "visual_style.yaml",
        f"loras:\n- {{name: ink, file: loras/ink.safetensors, {scales}, applies_to: [landscape]}}\n",
    )
    _, found = inspected(packs)
    [asked] = found["ink"].asked
    assert (found["ink"].inspection.verdict, found["ink"].is_dead, asked.line) == (Verdict.ENGAGED, True, 2)
    assert "scale 0" in asked.message


@pytest.mark.parametrize("scales", ["scale: 0, scales: {double: 1}", "scale: 1, scales: {double: 0}"])
def test_one_that_is_silent_on_some_of_its_blocks_is_not_accused(packs: SmallPacks, scales: str) -> None:
    packs.write(
        "visual_style.yaml",
        f"loras:\n- {{name: ink, file: loras/ink.safetensors, {scales}, applies_to: [landscape]}}\n",
    )
    assert not inspected(packs)[1]["ink"].is_dead


def test_an_entrys_own_dead_adapter_is_told_with_the_line_of_the_entry(packs: SmallPacks) -> None:
    dead = packs.root / "ash/worlds/fen/own.safetensors"
    make_adapter(dead, blocks=1, rank=1, dead=True)
    packs.write(
        "worlds/fen/history.yaml",
        """\
        chapters:
          - points_of_interest:
              - name: Reed Gate
                visual_prompt: a gate
                loras: [{file: own.safetensors, scale: 0.5}]
        """,
    )
    _, found = inspected(packs)
    [asked] = found["own"].asked
    assert (asked.file, asked.line) == ("ash/worlds/fen/history.yaml", 5)
