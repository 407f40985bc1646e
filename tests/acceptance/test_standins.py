"""Standins of the further families through a real daemon: adapters engage and are taken off, dead ones are caught."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit
from kilnmark.protocol.picture.catalog import STANDIN, VARIANTS, family_of
from kilnmark.protocol.picture.record import CHUNK, STANDIN_NOTICE, decode_record
from tests.daemon.conftest import Daemon, running_daemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STANDINS = [name for name, row in VARIANTS.items() if row.made_up and row.family != VARIANTS[STANDIN].family]
FULL = {
    "flux2-klein-4b": "flux2-kohya",
    "flux2-klein-9b": "flux2-kohya",
    "z-image-turbo": "zimage-comfy-fused",
    "krea-2": "krea2-kohya",
    "flux3-klein": "flux3-kohya",
    "qwen-image-2.1": "qwen-image-fused",
}
"""A full-size adapter for each, of fused layers and with strengths of its own."""


@pytest.fixture(scope="module", params=STANDINS)
def daemon(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    with running_daemon(variant=request.param) as running:
        yield running.warm()


def pixels(result: dict[str, Any]) -> NDArray[np.float64]:
    with Image.open(result["image_path"]) as picture:
        return np.asarray(picture, dtype=np.float64)


def asked(*loras: Path) -> dict[str, Any]:
    params = {"prompt": "tor", "seed": 5, "width": 64, "height": 64, "steps": 1}
    return {**params, "lora_paths": [str(path) for path in loras], "lora_scales": [1.0] * len(loras)}


def test_an_adapter_engages_and_leaves_the_base_as_it_was(daemon: Daemon) -> None:
    variant = VARIANTS[daemon.status()["base"]["variant"]]
    (exhibit,) = (each for each in EXHIBITS if each.name == FULL[variant.shapes])
    full = make_adapter(daemon.loras / "full.safetensors", "kohya", shapes=load_shapes(variant.shapes), strength=2e-2)
    if exhibit.variant == variant.shapes:
        full = write_exhibit(full, exhibit, rank=4)
    with daemon.wire() as wire:
        before = wire.result("render", asked())
        styled = wire.result("render", asked(full))
        after = wire.result("render", asked())
    (report,) = styled["loras"]
    assert (report["verdict"], report["matched_key_count"]) == ("engaged", report["total_key_count"])
    assert report["applied_target_count"] == report["target_count"] >= 100
    assert not np.array_equal(pixels(styled), pixels(before))
    assert np.array_equal(pixels(after), pixels(before))
    with Image.open(before["image_path"]) as picture:
        assert decode_record(picture.info[CHUNK]).notice == STANDIN_NOTICE


def test_a_dead_one_and_one_of_another_family_are_refused_before_anything_is_painted(daemon: Daemon) -> None:
    shapes = load_shapes(VARIANTS[daemon.status()["base"]["variant"]].shapes)
    dead = make_adapter(daemon.loras / "dead.safetensors", shapes=shapes, rank=1, dead=True)
    other = make_adapter(daemon.loras / "other.safetensors", rank=1, blocks=2)
    with daemon.wire() as wire:
        assert wire.error("render", asked(dead))["code"] == -32008
        refused = wire.error("render", asked(other))
    assert refused["code"] == -32007
    assert "looks made for dev or schnell" in refused["message"]


def test_guidance_and_negative_prompts_are_taken_or_it_is_told_that_they_are_not(daemon: Daemon) -> None:
    with daemon.wire() as wire:
        result = wire.result("render", {**asked(), "guidance": 3.0, "negative_prompt": "rain"})
    variant = result["variant"]
    if VARIANTS[variant].guided:
        assert (result["guidance"], result["warnings"]) == (3.0, [])
        return
    family = family_of(VARIANTS[variant])
    some_take = any(each.negative_prompt for each in family.variants)
    who = f"variant {variant!r}" if some_take else family.title
    assert result["guidance"] == 0.0
    assert result["warnings"] == [
        f"{who} has no negative prompt; it was not used",
        f"variant {variant!r} takes no guidance; 3 was not used",
    ]
