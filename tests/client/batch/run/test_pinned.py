"""Pinned items: what decides a picture, and the order that changes stacks rarely."""

from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kilnmark.client.batch.plan.adapters import Hashes
from kilnmark.client.batch.plan.plan import Item, Wishes, make_plan
from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.client.batch.run.base import UNKNOWN, BaseNow
from kilnmark.client.batch.run.pinned import PinnedItem, pin_items
from kilnmark.client.request import render_params
from kilnmark.keymaps.errors import ExchangedFile
from kilnmark.keymaps.files.contents import content_hash
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.catalog import UnknownVariant
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from tests.client.batch.packs import SmallPacks, make_packs
from tests.manifests import manifest

ONE = BaseNow("f")


@pytest.fixture
def packs(tmp_path: Path) -> SmallPacks:
    return make_packs(tmp_path / "packs", base_seed=7)


def planned(packs: SmallPacks, **wishes: Any) -> list[Item]:
    return make_plan(Wishes(kind="poi", packs=packs.root, **wishes), TokenCounter(env={})).items


def items(
    packs: SmallPacks, *, served: tuple[str, ...] = ("standin",), compare_base: bool = False, **wishes: Any
) -> list[PinnedItem]:
    return pin_items(planned(packs, **wishes), served, served[0], Hashes().of, compare_base=compare_base)


def stacks(made: list[PinnedItem]) -> list[str]:
    return [",".join(Path(path).stem for path in item.paths) or "bare" for item in made]


def test_pictures_of_one_stack_follow_each_other_and_the_bare_come_last(packs: SmallPacks) -> None:
    packs.write("worlds/nook/history.yaml", (packs.root / "ash/worlds/mire/history.yaml").read_text())
    made = items(packs, takes=2, compare_base=True)
    assert [name for name, _ in groupby(stacks(made))] == ["moss", "ink", "bare"]
    assert stacks(made).count("bare") == len(made) // 2 == 10


def test_a_picture_without_adapters_has_no_bare_one(packs: SmallPacks) -> None:
    assert [item.bare for item in items(packs, tier="scene", compare_base=True)] == [False] * 3


def test_two_plans_of_the_same_packs_ask_for_the_same_jobs(packs: SmallPacks) -> None:
    assert [item.job_id(ONE) for item in items(packs)] == [item.job_id(ONE) for item in items(packs)]


def test_a_job_is_another_one_on_another_base(packs: SmallPacks) -> None:
    (item,) = items(packs, limit=1)
    assert len({item.job_id(base) for base in (ONE, BaseNow("other"), BaseNow("f", "fast"))}) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "other"},
        {"negative_prompt": "other"},
        {"seed": 1},
        {"width": 128},
        {"height": 128},
        {"steps": 2},
        {"guidance": 1.0},
        {"variant": "dev"},
        {"adapters": ()},
        {"adapters": (("0" * 64, 0.8),)},
        {"block_scales": ((("double", 0.3),),)},
    ],
    ids=str,
)
def test_everything_that_decides_the_pixels_decides_the_digest(packs: SmallPacks, change: dict[str, Any]) -> None:
    (item,) = items(packs, limit=1)
    assert msgspec.structs.replace(item.spec, **change).digest != item.digest


def test_scales_by_blocks_are_asked_for_as_the_style_has_them(packs: SmallPacks) -> None:
    document = packs.root / "ash" / "visual_style.yaml"
    document.write_text(document.read_text().replace("scale: 0.8", "scale: 0.8, scales: {single.0: 1, double: 0.3}"))
    made = [item for item in items(packs, compare_base=True) if "ink" in stacks([item])[0]]
    assert made
    for item in made:
        assert item.spec.block_scales == ((("double", 0.3), ("single.0", 1.0)),)
        assert render_params(**item.request(ONE, anew=False)).lora_block_scales == [{"double": 0.3, "single.0": 1.0}]


def test_every_request_is_one_that_the_daemon_takes(packs: SmallPacks) -> None:
    for item in items(packs, compare_base=True, takes=2):
        params = render_params(**item.request(ONE, anew=False))
        assert (params.priority, params.job_id, params.on_mismatch) == ("low", item.job_id(ONE), "error")
        again = render_params(**item.request(ONE, anew=True))
        assert (again.cache, again.job_id) == (False, None)


@pytest.mark.parametrize(("own", "fits"), [(15, True), (16, False)])
def test_a_stack_is_asked_for_as_long_as_it_may_be_and_a_longer_one_is_a_problem_of_the_plan(
    packs: SmallPacks, own: int, *, fits: bool
) -> None:
    adapter = "file: ../../loras/ink.safetensors, scale: 0.1"
    of_style = ", ".join(f"{{name: s{number}, {adapter}, applies_to: [landscape]}}" for number in range(33))
    packs.write("worlds/mire/visual_style.yaml", f"loras: {{exclude: [ink], add: [{of_style}]}}\n")
    of_entry = ", ".join(f"{{name: e{number}, {adapter}}}" for number in range(own))
    entry = f"{{name: Kiln, visual_prompt: a kiln, loras: [{of_entry}]}}"
    packs.write("worlds/mire/history.yaml", f"chapters:\n- points_of_interest:\n  - {entry}\n")
    plan = make_plan(Wishes(kind="poi", packs=packs.root, world="mire"), TokenCounter(env={}))
    assert [each.message.partition(";")[0] for each in plan.problems] == (
        [] if fits else ["has 49 adapters with those of its style, and 48 can be asked for"]
    )
    for item in items(packs, world="mire"):
        params = render_params(**item.request(ONE, anew=False))
        assert (len(params.lora_paths), len(params.extra_loras)) == (32, 16)


def test_a_base_that_is_not_served_is_stood_in_for_by_the_daemons_own(packs: SmallPacks) -> None:
    packs.write("tiers.yaml", "landscape: {width: 64, height: 64, variant: dev}\n")
    assert {item.spec.variant for item in items(packs)} == {"standin"}
    assert {item.spec.variant for item in items(packs, served=("standin", "dev"))} == {"dev"}


def test_a_base_without_guidance_is_asked_for_none(packs: SmallPacks) -> None:
    (item,) = items(packs, limit=1, served=("schnell",))
    assert (item.spec.guidance, item.request(UNKNOWN, anew=False)["guidance"]) == (0.0, None)
    (item,) = items(packs, limit=1)
    assert (item.spec.guidance, item.request(UNKNOWN, anew=False)["guidance"]) == (3.5, 3.5)


def test_a_tier_of_a_genres_own_is_sent_by_its_numbers(packs: SmallPacks) -> None:
    packs.write("tiers.yaml", "banner: {width: 128, height: 64}\n")
    (item,) = items(packs, limit=1, tier="banner")
    request = item.request(UNKNOWN, anew=False)
    assert (request["tier"], request["width"], request["height"]) == (None, 128, 64)


@pytest.mark.parametrize(("variant", "sent"), [("dev", "landscape"), ("standin", None)])
def test_a_tier_is_named_only_where_the_daemon_knows_it_for_the_same_base(
    packs: SmallPacks, variant: str, sent: str | None
) -> None:
    packs.write("tiers.yaml", f"landscape: {{width: 64, height: 64, variant: {variant}}}\n")
    (item,) = items(packs, limit=1)
    assert item.request(UNKNOWN, anew=False)["tier"] == sent


def test_an_adapter_that_was_taken_away_is_named(packs: SmallPacks) -> None:
    made = planned(packs)
    packs.ink.unlink()
    with pytest.raises(KilnmarkError, match="cannot be read any more"):
        pin_items(made, ("standin",), "standin", Hashes().of, compare_base=False)


def test_an_adapter_that_is_not_the_promoted_one_any_more_is_neither_pinned_nor_taken_in(packs: SmallPacks) -> None:
    packs.write("loras.yaml", manifest(content_hash(packs.ink), content_hash(packs.moss)))
    packs.write("visual_style.yaml", f"require_promoted: true\n{(packs.root / 'ash/visual_style.yaml').read_text()}")
    made = planned(packs, world="mire")
    (pinned, *_) = pin_items(made, ("standin",), "standin", Hashes().of, compare_base=False)
    report = AdapterReport(name="ink", path="p", sha256=content_hash(packs.ink), verdict=Verdict.ENGAGED, reason="")
    pinned.check_promoted([report])
    make_adapter(packs.ink, blocks=1, rank=3)
    with pytest.raises(ExchangedFile, match="other bytes than those that were found to be promoted"):
        pinned.check_promoted([msgspec.structs.replace(report, sha256=content_hash(packs.ink))])
    with pytest.raises(ExchangedFile):
        pin_items(made, ("standin",), "standin", Hashes().of, compare_base=False)


def test_a_directory_is_painted_on_as_what_the_daemon_says_that_it_is(packs: SmallPacks) -> None:
    (planned_item,) = planned(packs, limit=1)
    (pinned,) = pin_items(
        [planned_item], ("/mine",), "/mine", Hashes().of, compare_base=False, counts_as={"/mine": "schnell"}
    )
    assert (pinned.spec.variant, pinned.spec.guidance) == ("/mine", 0.0)
    assert pinned.request(UNKNOWN, anew=True)["guidance"] is None


def test_a_base_of_which_nothing_is_known_is_never_taken_for_another(packs: SmallPacks) -> None:
    with pytest.raises(UnknownVariant, match="'/mine' is no known variant"):
        items(packs, served=("/mine",))
