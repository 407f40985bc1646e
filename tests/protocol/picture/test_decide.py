"""What a request comes to: its own word first, then its style's or its tier's, then its variant's."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.protocol.content.composed import ComposedStyle
from kilnmark.protocol.content.packs import load_pack
from kilnmark.protocol.content.places import PicturePlace
from kilnmark.protocol.content.tiers import Tier
from kilnmark.protocol.picture.catalog import MAX_PIXELS, VARIANTS
from kilnmark.protocol.picture.decide import Decision, base_for, decide
from kilnmark.protocol.picture.draft import DraftNumbers
from kilnmark.protocol.picture.given import USUAL_STRENGTH, GivenPicture, GivenPictures, first_step
from kilnmark.protocol.picture.spec import NUMBERS, asked_again
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.requests import RenderParams
from tests.protocol.content.made import Shelf

DEV, SCHNELL = VARIANTS["dev"], VARIANTS["schnell"]
TAKING = msgspec.structs.replace(DEV, negative_prompt=True)

sides = st.integers(4, 128).map(lambda n: n * 16)
numbers = st.fixed_dictionaries(
    {"width": sides, "height": sides, "steps": st.integers(1, 100), "guidance": st.floats(0, 30)}
)
words = st.fixed_dictionaries(
    {},
    optional={
        "width": sides,
        "height": sides,
        "steps": st.integers(1, 100),
        "guidance": st.floats(0, 30),
        "seed": st.integers(0, 2**53 - 1),
        "negative_prompt": st.text(max_size=9),
    },
)
drafts = st.sampled_from([None, True, False, DraftNumbers(size=96, steps=3), DraftNumbers(size=4096, steps=100)])
rows = st.sampled_from([*(row for row in VARIANTS.values() if not row.needs_reference), TAKING])


def tier(name: str = "mine", **numbers: Any) -> Tier:
    return Tier(name=name, **({"width": 64, "height": 64} | numbers))


def style(text: str = "loras: []", tiers: str = "portrait: {width: 640}") -> ComposedStyle:
    texts = {"ink/visual_style.yaml": text, "ink/tiers.yaml": tiers}
    return load_pack(Shelf(texts), "ink").compose("portrait", PicturePlace())


def asked(**said: Any) -> RenderParams:
    return RenderParams(prompt="a mill", **said)


def drawn() -> int:
    return 41


def made(row: Any = DEV, style: ComposedStyle | None = None, tier: Tier | None = None, **said: Any) -> Decision:
    return decide(asked(**said), row.name, row, style=style, tier=tier, draw=drawn)


@given(said=words, of_tier=numbers, row=rows)
def test_request_goes_before_tier_and_tier_before_variant(said: Any, of_tier: Any, row: Any) -> None:
    with_tier, without = made(row, tier=tier(**of_tier), **said).spec, made(row, **said).spec
    for name in NUMBERS:
        if name != "guidance" or row.guided:
            assert getattr(with_tier, name) == said.get(name, of_tier[name])
            assert getattr(without, name) == said.get(name, getattr(row, name))


@given(said=words, of_tier=numbers)
def test_a_variant_without_guidance_has_its_own_whatever_is_said(said: Any, of_tier: Any) -> None:
    decision = made(SCHNELL, tier=tier(**of_tier), **said)
    assert decision.spec.guidance == SCHNELL.guidance
    assert any("takes no guidance" in warning for warning in decision.warnings) is ("guidance" in said)


@given(said=words)
def test_a_request_goes_before_a_style(said: Any) -> None:
    decision = made(style=style("{loras: [], base_seed: 9, negative_prompt: photo}"), **said)
    assert decision.spec.seed == said.get("seed", 9)
    assert decision.spec.negative_prompt == said.get("negative_prompt", "photo")
    assert (decision.spec.width, decision.repeatable) == (said.get("width", 640), True)


@given(said=words, of_tier=numbers, other=numbers, row=rows, draft=drafts)
def test_what_is_decided_and_asked_for_again_is_decided_the_same(
    said: Any, of_tier: Any, other: Any, row: Any, draft: Any
) -> None:
    spec = made(row, tier=tier(**of_tier), draft=draft, **said).spec
    again = decide(RenderParams(**asked_again(spec, row)), row.name, row, tier=tier(**other))
    assert again.spec == spec
    assert row.needs_negative or not any(
        "guidance" in warning for warning in again.warnings
    )  # whose guidance can be a tier's, without effect


def test_a_seed_that_nobody_says_is_drawn_and_not_repeatable() -> None:
    assert (made().spec.seed, made().repeatable) == (drawn(), False)
    assert (made(style=style()).spec.seed, made(style=style()).repeatable) == (drawn(), False)
    assert (made(seed=0).spec.seed, made(seed=0).repeatable) == (0, True)


def test_seeds_are_drawn_anew() -> None:
    assert len({decide(asked(), "dev", DEV).spec.seed for _ in range(20)}) > 1


def test_a_styles_words_are_in_the_prompt() -> None:
    text = "{positive_suffix: on paper, loras: [{name: a, file: a, scale: 1, applies_to: [portrait], trigger: wsh}]}"
    assert made(style=style(text)).spec.prompt == "wsh, a mill, on paper"
    assert made().spec.prompt == "a mill"


@pytest.mark.parametrize(("row", "is_warned"), [(DEV, True), (TAKING, False)])
def test_a_negative_prompt_is_warned_of_where_the_variant_takes_none(row: Any, is_warned: bool) -> None:
    decision = made(row, negative_prompt="fog")
    assert decision.spec.negative_prompt == "fog"
    assert decision.warnings == (("FLUX.1 has no negative prompt; it was not used",) if is_warned else ())
    assert made(row, negative_prompt="").warnings == ()


def test_a_size_of_request_and_tier_together_has_the_same_limit() -> None:
    assert made(width=2048, height=2048).spec.width ** 2 == MAX_PIXELS
    with pytest.raises(InvalidParams, match="4096x2048 is more than"):
        made(tier=tier(height=2048), width=4096)


def test_another_base_than_was_meant_is_warned_of() -> None:
    assert made(tier=tier(variant="dev")).warnings == ()
    [warning] = made(SCHNELL, tier=tier(variant="dev")).warnings
    assert warning == "tier 'mine' was tuned for 'dev'; this picture was rendered on 'schnell'"
    [warning] = made(DEV, style=style("{loras: [], preferred_model: schnell}")).warnings
    assert warning == "the style of genre 'ink' prefers 'schnell'; this picture was rendered on 'dev'"


def test_a_base_is_the_requests_else_the_wished_one_where_it_is_served() -> None:
    preferring = style("{loras: [], preferred_model: schnell}")
    assert base_for("elsewhere", preferring, None, served=["dev"], default="dev") == "elsewhere"
    assert base_for(None, preferring, None, served=["dev", "schnell"], default="dev") == "schnell"
    assert base_for(None, preferring, None, served=["dev"], default="dev") == "dev"
    assert base_for(None, None, tier(variant="schnell"), served=["schnell", "dev"], default="dev") == "schnell"
    assert base_for(None, None, None, served=["schnell"], default="dev") == "dev"


STARTING = msgspec.structs.replace(DEV, init_image=True)
REFERRING = msgspec.structs.replace(DEV, reference_images=2)
SQUARE = GivenPictures(start=GivenPicture("c" * 64, 500, 500))


def started(given: GivenPictures = SQUARE, **said: Any) -> Decision:
    return decide(asked(init_image="a.png", width=512, height=512, **said), "dev", STARTING, given=given)


def test_a_picture_to_start_from_is_in_the_spec_by_its_content_and_strength() -> None:
    decision = started(strength=0.7, steps=10)
    assert (decision.spec.start, decision.spec.strength, decision.warnings) == ("c" * 64, 0.7, ())
    assert started().spec.strength == USUAL_STRENGTH
    assert started(strength=0.7).spec.pinned(()).digest != started(strength=0.6).spec.pinned(()).digest


def test_reference_pictures_are_in_the_spec_by_their_contents_in_order() -> None:
    two = tuple(GivenPicture(letter * 64, 64, 64) for letter in "ab")
    specs = [
        decide(asked(reference_images=["x", "y"]), "dev", REFERRING, given=GivenPictures(references=order)).spec
        for order in (two, two[::-1])
    ]
    assert specs[0].references == ("a" * 64, "b" * 64)
    assert len({spec.pinned(()).digest for spec in specs}) == 2


@pytest.mark.parametrize(
    ("row", "said", "words"),
    [
        (DEV, {"init_image": "a"}, "'dev' cannot start from a picture - at `$.params.init_image`"),
        (DEV, {"reference_images": ["a"]}, "takes no reference pictures and 1 are given"),
        (REFERRING, {"reference_images": ["a"] * 3}, "takes at most 2 reference pictures and 3 are given"),
    ],
)
def test_a_variant_that_takes_no_such_picture_refuses_it(row: Any, said: dict[str, Any], words: str) -> None:
    row = msgspec.structs.replace(row, init_image=False)
    with pytest.raises(InvalidParams, match="paint on") as caught:
        decide(asked(**said), "dev", row)
    assert words in caught.value.message


def test_one_that_paints_nothing_without_a_reference_says_so_and_counts_no_further() -> None:
    row = VARIANTS["kontext-dev"]
    with pytest.raises(InvalidParams, match=r"'mine' paints from a reference picture - at `reference_im"):
        decide(asked(), "mine", row)
    with pytest.raises(InvalidParams, match="takes at most 1 reference pictures and 2 are given"):
        decide(asked(reference_images=["a", "b"]), "mine", row)
    assert decide(asked(reference_images=["a"]), "mine", row).spec.guidance == 2.5


@pytest.mark.parametrize(
    ("variant", "size", "told"),
    [
        ("flux2-klein-4b", (640, 512), ()),
        ("flux2-klein-4b", (650, 512), ("[0] has 650 x 512 pixels and was cut to the middle 640 x 512",)),
        ("kontext-dev", (1024, 1024), ("[0] has 1024 x 1024 pixels and was scaled to 512 x 512",)),
        ("kontext-dev", (640, 512), ("[0] has 640 x 512 pixels and was stretched to 512 x 512",)),
    ],
)
def test_what_is_not_read_of_a_reference_as_it_is_in_its_file_is_told(
    variant: str, size: tuple[int, int], told: tuple[str, ...]
) -> None:
    given = GivenPictures(references=(GivenPicture("a" * 64, *size),))
    said = asked(reference_images=["a"], width=512, height=512)
    assert decide(said, variant, VARIANTS[variant], given=given).warnings == tuple(
        f"reference_images{words}" for words in told
    )


def test_a_reference_of_which_nothing_would_be_left_is_refused_by_its_place() -> None:
    given = GivenPictures(references=(GivenPicture("a" * 64, 64, 64), GivenPicture("b" * 64, 64, 12)))
    with pytest.raises(InvalidParams, match=r"64 x 12 is less than 16 .* - at `reference_images\[1\]`; give"):
        decide(asked(reference_images=["a", "b"]), "flux2-klein-4b", VARIANTS["flux2-klein-4b"], given=given)


def test_what_nobody_would_expect_of_a_start_is_told() -> None:
    wide = GivenPictures(start=GivenPicture("c" * 64, 800, 600))
    assert started(wide).warnings == ("init_image has 800 x 600 pixels and was stretched to 512 x 512",)
    wide_gamut = GivenPictures(start=GivenPicture("c" * 64, 500, 500, "Display P3"))
    assert "has a colour profile that is not applied (Display P3)" in started(wide_gamut).warnings[0]
    assert "nothing of init_image is left" in started(strength=0).warnings[0]
    assert "none of 4 steps is left to be painted" in started(strength=1, steps=4).warnings[0]
    assert not started(strength=0.99, steps=4).warnings


@pytest.mark.parametrize(
    ("steps", "strength", "first"),
    [(4, 0.0, 0), (4, 0.01, 1), (4, 0.4, 1), (12, 0.4, 4), (10, 0.79, 7), (4, 1.0, 4), (1, 0.1, 1)],
)
def test_a_start_leaves_out_as_many_steps_as_mflux_does(steps: int, strength: float, first: int) -> None:
    assert first_step(steps, strength) == first


def test_people_read_what_a_picture_starts_from() -> None:
    assert started(strength=0.7, steps=10).spec.size_and_settings.endswith("from a picture at strength 0.7")
    two = msgspec.structs.replace(started().spec, start=msgspec.UNSET, references=("a", "b"))
    assert two.size_and_settings.endswith(", 2 reference pictures")


def test_nothing_is_told_of_a_reference_that_nobody_could_look_at() -> None:
    given = GivenPictures(references=(GivenPicture("a" * 64, 0, 0),))
    row = msgspec.structs.replace(DEV, reference_images=1)
    assert decide(asked(reference_images=["a.png"]), "dev", row, given=given).warnings == ()


@pytest.mark.parametrize(
    ("count", "words"), [(0, "512 x 256"), (1, "512 x 256 beside 1 reference"), (3, "512 x 256 beside 3 references")]
)
def test_people_read_what_a_step_works_on(count: int, words: str) -> None:
    given = GivenPictures(references=tuple(GivenPicture(f"{each}" * 64, 64, 64) for each in range(count)))
    row = msgspec.structs.replace(DEV, reference_images=4)
    params = asked(reference_images=["a.png"] * count, width=512, height=256)
    assert decide(params, "dev", row, given=given).spec.worked_on == words


def test_one_that_is_guided_by_negative_prompts_alone_tells_of_half_of_it() -> None:
    row = VARIANTS["qwen-image-2.1"]
    (unused,) = made(row, negative_prompt="rain").warnings
    assert "has guidance 1, so the negative prompt was not used; give guidance above 1" in unused
    (alone,) = made(row, guidance=2.5).warnings
    assert "there is none; guidance 2.5 was not used" in alone
    assert made(row, guidance=2.5, negative_prompt="rain").warnings == made(row).warnings == ()


def test_syntax_of_other_programs_is_warned_about_whoever_wrote_it() -> None:
    asked = RenderParams(prompt="a street, (neon:1.4)", negative_prompt="[fog|rain]")
    warnings = decide(asked, "dev", TAKING).warnings
    assert [said.partition(" of ")[0] for said in warnings] == [
        "the prompt has weights",
        "the negative prompt has weights",
    ]
