"""Small whole models of the further families, saved by mflux, through a real daemon: painted, cancelled, and guided."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from kilnmark.engine.families.base import load_base
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.catalog import VARIANTS
from tests.daemon.conftest import Daemon, running_daemon
from tests.engine.families.flux2 import small as flux2
from tests.engine.families.flux3 import small as flux3
from tests.engine.families.krea2 import small as krea2
from tests.engine.families.qwen_image import small as qwen_image
from tests.engine.families.small import write_as_mflux
from tests.engine.families.z_image import small as z_image

from mflux.models.common.config.model_config import ModelConfig  # isort: skip - after the engine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MODELS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "klein": ("flux2-klein-base-4b", lambda path: flux2.write_as_mflux(flux2.small_klein(), path)),
    "z-image": ("z-image", lambda path: z_image.write_as_mflux(z_image.small_z_image(ModelConfig.z_image()), path)),
    "flux3": ("flux3-klein-base", lambda path: write_as_mflux(flux3.small_klein(guided=True), path)),
    "krea": ("krea-2-raw", lambda path: write_as_mflux(krea2.small_krea(guided=True), path)),
    "qwen-image": ("qwen-image-2.1", lambda path: write_as_mflux(qwen_image.small_qwen(), path)),
}
"""Each with the variant that is guided, and how its directory is written."""


@dataclass(frozen=True)
class Serving:
    """A daemon, and the directory that it serves."""

    daemon: Daemon
    guided: str
    place: Path


@pytest.fixture(scope="module", params=MODELS)
def serving(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One directory, under the name of the guided variant."""
    guided, write = MODELS[request.param]
    place = write(tmp_path_factory.mktemp("model") / request.param)
    with running_daemon(variant=guided, bases={guided: str(place)}, quantize=8) as running:
        yield Serving(running.warm(), guided, place)


def asked(**more: Any) -> dict[str, Any]:
    return {"prompt": "a kiln", "seed": 5, "width": 64, "height": 64, "steps": 2, "guidance": 4.0, **more}


def pixels(result: dict[str, Any]) -> NDArray[np.float64]:
    with Image.open(result["image_path"]) as picture:
        return np.asarray(picture, dtype=np.float64)


def test_it_is_painted_guided_and_again_without_what_was_on_it(serving: Serving) -> None:
    daemon, shapes = serving.daemon, load_base(serving.guided, None, str(serving.place)).shapes
    adapter = make_adapter(daemon.loras / "a.safetensors", shapes=shapes, rank=4, strength=3e-2)
    with daemon.wire() as wire:
        plain = wire.result("render", asked())
        styled = wire.result("render", asked(lora_paths=[str(adapter)], lora_scales=[1.0]))
        unlike = wire.result("render", asked(negative_prompt="rain"))
        unguided = wire.result("render", asked(guidance=1.0))
        again = wire.result("render", asked())
    assert daemon.status()["base"]["quantize"] == 8
    (report,) = styled["loras"]
    assert (report["verdict"], report["matched_key_count"]) == ("engaged", report["total_key_count"])
    row = VARIANTS[serving.guided]
    assert (unlike["warnings"] == []) is row.negative_prompt
    assert np.array_equal(pixels(again), pixels(plain))
    assert np.array_equal(pixels(unguided), pixels(plain)) is row.needs_negative
    for other in (styled, *([unlike] if row.negative_prompt else [])):
        assert not np.array_equal(pixels(other), pixels(plain))


def test_it_tells_every_step_and_stops_at_one(serving: Serving) -> None:
    with serving.daemon.wire() as wire:
        render = wire.send("render", asked(steps=100, job_id="long", _meta={"progressToken": 1}))
        wire.progressed("denoise 0/")
        wire.send("cancel", {"job_id": "long"})
        assert wire.reply(render)["error"]["code"] == -32800
        assert wire.result("render", asked())["steps"] == 2
