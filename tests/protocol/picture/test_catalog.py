"""The catalogue keeps the promises a request relies on: every default is itself a valid request."""

import json

import pytest

from kilnmark.protocol.content.tiers import Tier, load_tiers
from kilnmark.protocol.picture.catalog import MAX_PIXELS, VARIANTS, Variant
from kilnmark.protocol.wire.jsonrpc import params_as
from kilnmark.protocol.wire.requests import RenderParams, check_render

ENTRIES: list[Tier | Variant] = [*load_tiers().values(), *VARIANTS.values()]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_sets_what_a_request_may_ask_for(entry: Tier | Variant) -> None:
    asked = {name: getattr(entry, name) for name in ("width", "height", "steps", "guidance")}
    check_render(params_as(RenderParams, json.dumps({"prompt": "p", **asked}).encode()))
    assert entry.width * entry.height <= MAX_PIXELS


@pytest.mark.parametrize("tier", load_tiers().values(), ids=lambda tier: tier.name)
def test_a_tier_names_a_variant_that_exists(tier: Tier) -> None:
    assert tier.variant in VARIANTS


def test_a_variant_without_the_guidance_embedder_asks_for_none() -> None:
    assert all(variant.guidance == 0 for variant in VARIANTS.values() if not variant.guided)
