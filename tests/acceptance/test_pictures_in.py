"""Pictures that are made of pictures, through a real daemon and its worker: adapters engage, a dead one is caught."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.catalog import VARIANTS
from tests.acceptance.test_standins import pixels
from tests.daemon.conftest import Daemon, running_daemon
from tests.keymaps.pictures.shown import colours, put

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WAYS = {
    "standin:flux2-klein-4b": ("reference_images", 2),
    "standin:kontext-dev": ("reference_images", 1),
    "standin:krea-2": ("init_image", 1),
    "standin:z-image-turbo": ("init_image", 1),
}
"""How each uses pictures, and how many."""


@pytest.fixture(scope="module", params=WAYS)
def daemon(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("portraits")
    put(folder, "a.png", colours(64, 64))
    put(folder, "b.png", colours(48, 80))
    with running_daemon(variant=request.param, image_roots=[str(folder)]) as running:
        yield running.warm()


def variant_of(daemon: Daemon) -> str:
    name: str = daemon.status()["base"]["variant"]
    return name


def asked(daemon: Daemon, *loras: Path) -> dict[str, Any]:
    field, count = WAYS[variant_of(daemon)]
    made_of = {field: "a.png" if field == "init_image" else ["a.png", "b.png"][:count]}
    params = {"prompt": "tor", "seed": 5, "width": 64, "height": 64, "steps": 2, **made_of}
    return {**params, "lora_paths": [str(path) for path in loras], "lora_scales": [1.0] * len(loras)}


def test_an_adapter_engages_on_a_picture_that_is_made_of_others_and_leaves_no_trace(daemon: Daemon) -> None:
    shapes = load_shapes(VARIANTS[variant_of(daemon)].shapes)
    ink = make_adapter(daemon.loras / "ink.safetensors", shapes=shapes, strength=2e-2, blocks=3)
    with daemon.wire() as wire:
        before = wire.result("render", asked(daemon))
        styled = wire.result("render", asked(daemon, ink))
        after = wire.result("render", asked(daemon))
    (report,) = styled["loras"]
    assert (report["verdict"], report["matched_key_count"]) == ("engaged", report["total_key_count"])
    assert not np.array_equal(pixels(styled), pixels(before))
    assert np.array_equal(pixels(after), pixels(before))


def test_what_it_is_made_of_changes_it_and_is_in_its_reply(daemon: Daemon) -> None:
    field, _ = WAYS[variant_of(daemon)]
    turned: dict[str, Any] = {field: "b.png"} if field == "init_image" else {field: ["b.png"]}
    with daemon.wire() as wire:
        first, other = wire.result("render", asked(daemon)), wire.result("render", {**asked(daemon), **turned})
    told = "start" if field == "init_image" else "references"
    assert first[told] != other[told]
    assert not np.array_equal(pixels(first), pixels(other))


def test_a_dead_adapter_is_caught_beside_pictures_as_without_them(daemon: Daemon) -> None:
    shapes = load_shapes(VARIANTS[variant_of(daemon)].shapes)
    dead = make_adapter(daemon.loras / "dead.safetensors", shapes=shapes, rank=1, dead=True)
    alive = make_adapter(daemon.loras / "alive.safetensors", shapes=shapes, blocks=3, strength=2e-2)
    with daemon.wire() as wire:
        error = wire.error("render", asked(daemon, alive, dead))
    assert error["code"] == -32008
    assert [report["verdict"] for report in error["data"]["detail"]["loras"]] == ["engaged", "noop"]


def test_a_file_outside_the_image_roots_is_never_opened(daemon: Daemon, tmp_path: Path) -> None:
    field, _ = WAYS[variant_of(daemon)]
    path = str(put(tmp_path))
    with daemon.wire() as wire:
        error = wire.error("render", {**asked(daemon), field: path if field == "init_image" else [path]})
    assert error["code"] == -32012
    assert "outside the image roots" in error["message"]
