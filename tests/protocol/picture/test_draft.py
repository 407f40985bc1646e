"""Drafts: what is capped, what is left as it was asked for, and that one never passes for the picture."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.protocol.content.tiers import Tier, TierDraft, load_tiers
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.decide import Decision, decide
from kilnmark.protocol.picture.draft import STANDIN_DRAFT, USUAL_DRAFT, DraftNumbers, cap_of, drafted
from kilnmark.protocol.wire.requests import RenderParams

DEV, STANDIN = VARIANTS["dev"], VARIANTS["standin"]
SCENE = load_tiers()["scene"]

sides = st.integers(4, 256).map(lambda n: n * 16)
caps = st.builds(DraftNumbers, size=sides, steps=st.integers(1, 100))


def made(row: Any = DEV, tier: Tier | None = SCENE, *, drafts: bool = False, **said: Any) -> Decision:
    return decide(RenderParams(prompt="a mill", seed=1, **said), row.name, row, tier=tier, drafts=drafts)


def numbers(decision: Decision) -> tuple[int, int, int]:
    return decision.spec.width, decision.spec.height, decision.spec.steps


@given(width=sides, height=sides, steps=st.integers(1, 100), cap=caps)
def test_a_draft_is_no_larger_keeps_its_form_and_is_drafted_once(width: int, height: int, steps: int, cap: Any) -> None:
    whole = {"width": width, "height": height, "steps": steps}
    small = drafted(whole, cap)
    assert small["steps"] == min(steps, cap.steps)
    assert max(small["width"], small["height"]) == min(max(width, height), cap.size)
    assert all(small[side] % 16 == 0 and 64 <= small[side] <= whole[side] for side in ("width", "height"))
    longest = max(width, height)
    for side in ("width", "height"):  # within half a multiple of what it would be exactly, where that can be painted
        assert abs(small[side] - max(64, whole[side] * min(1, cap.size / longest))) <= 8
    assert drafted(small, cap) == small


@pytest.mark.parametrize(
    ("row", "said", "expected", "is_draft"),
    [
        (DEV, {}, (256, 192, 4), True),
        (STANDIN, {}, (128, 96, 2), True),
        (DEV, {"steps": 20}, (256, 192, 20), True),
        (DEV, {"width": 512, "height": 512}, (512, 512, 4), True),
        (DEV, {"width": 512}, (512, 768, 4), True),
        (DEV, {"width": 512, "height": 512, "steps": 20}, (512, 512, 20), False),
        (DEV, {"draft": False}, (1024, 768, 12), False),
        (DEV, {"draft": True, "width": 512, "height": 512, "steps": 20}, (256, 256, 4), True),
        (DEV, {"draft": DraftNumbers(size=512, steps=8)}, (512, 384, 8), True),
    ],
)
def test_where_nobody_says_only_what_is_left_open_is_capped(
    row: Any, said: Any, expected: tuple[int, int, int], is_draft: bool
) -> None:
    decision = made(row, drafts=True, **said)
    assert (numbers(decision), decision.spec.draft) == (expected, is_draft)


def test_nothing_is_a_draft_that_is_not_to_be_one() -> None:
    assert (numbers(made()), made().spec.draft) == ((1024, 768, 12), False)
    small = Tier(name="mine", width=64, height=64, steps=1)
    assert made(tier=small, drafts=True).spec.draft is False  # nothing of it was capped
    assert made(tier=small, draft=True).spec.draft is True  # but one that is asked for is one


def test_a_tier_says_how_far_its_drafts_are_capped_and_a_standin_never_goes_beyond_its_own() -> None:
    mine = Tier(name="mine", width=1024, height=768, draft=TierDraft(size=512, steps=8))
    assert numbers(made(tier=mine, drafts=True)) == (512, 384, 8)
    assert numbers(made(STANDIN, tier=mine, drafts=True)) == (128, 96, 2)
    assert cap_of(None, None, DEV) == USUAL_DRAFT
    assert cap_of(True, None, STANDIN) == STANDIN_DRAFT


def test_a_draft_says_what_it_is_instead_of_and_has_another_digest() -> None:
    draft, picture = made(drafts=True), made(width=256, height=192, steps=4)
    assert draft.warnings[0] == (
        "this is a draft: 256 x 192, 4 steps instead of 1024 x 768, 12 steps; ask with `draft` false (`--no-draft`) "
        "for the picture"
    )
    assert numbers(draft) == numbers(picture)
    assert draft.spec.pinned(()).digest != picture.spec.pinned(()).digest
