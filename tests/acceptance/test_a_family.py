"""A family that the product does not know: one module and one row beside it, and everything the product promises.

It lies in `installed`, as an installer would have left it; a real daemon and its worker find it by its entry point.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import save_file

from kilnmark.keymaps.zoo.write import make_adapter, write_tensors
from kilnmark.protocol.picture.record import CHUNK, decode_record
from tests.client.conftest import KILNMARK
from tests.daemon.conftest import Daemon, Wire, running_daemon
from tests.pinhole import LAYERS, pairs_for_pinhole

INSTALLED = Path(__file__).parent / "installed"
ENV = {"PYTHONPATH": str(INSTALLED)}
PREFIXES = ["transformer.", "base_model.model.", ""]
"""Of diffusers and PEFT: with the component's name, below PEFT's wrapper, and bare."""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running_daemon(env=ENV, variant="pinhole") as running:
        yield running.warm()


@pytest.fixture
def wire(daemon: Daemon) -> Iterator[Wire]:
    with daemon.wire() as wire:
        yield wire


def pixels(result: dict[str, Any]) -> NDArray[np.float64]:
    with Image.open(result["image_path"]) as picture:
        return np.asarray(picture, dtype=np.float64)


def render(wire: Wire, *loras: Path, **more: Any) -> dict[str, Any]:
    params = {"prompt": "a kiln", "seed": 5, "lora_paths": [str(path) for path in loras]}
    return wire.result("render", {**params, "lora_scales": [1.0] * len(loras), **more})


def test_a_daemon_serves_it_with_what_its_row_says(daemon: Daemon, wire: Wire) -> None:
    result = render(wire)
    base = daemon.status()["base"]
    assert (result["width"], result["height"], result["steps"], result["guidance"]) == (128, 64, 3, 2.0)
    assert (base["variant"], base["target_count"], base["quantize"]) == ("pinhole", 5, None)
    assert result["warnings"] == []
    with Image.open(result["image_path"]) as picture:
        assert decode_record(picture.info[CHUNK]).notice == ""


def test_it_takes_a_negative_prompt_and_guidance_of_its_own(wire: Wire) -> None:
    plain = pixels(render(wire))
    assert np.array_equal(pixels(render(wire)), plain)
    unlike = render(wire, negative_prompt="rain")
    assert unlike["warnings"] == []
    assert not np.array_equal(pixels(unlike), plain)
    assert not np.array_equal(pixels(render(wire, guidance=4.0)), plain)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_an_adapter_by_its_own_paths_engages_and_is_taken_off_again(daemon: Daemon, wire: Wire, prefix: str) -> None:
    before = pixels(render(wire))
    path = write_tensors(daemon.loras / f"{prefix or 'bare.'}safetensors", pairs_for_pinhole(prefix))
    result = render(wire, path)
    (report,) = result["loras"]
    assert (report["verdict"], report["matched_key_count"], report["total_key_count"]) == ("engaged", 10, 10)
    assert (report["applied_target_count"], report["target_count"]) == (5, 5)
    assert report["delta_ratio"] > 0.1
    assert np.abs(pixels(result) - before).mean() > 0.5
    assert np.array_equal(pixels(render(wire)), before)


def test_a_dead_one_is_refused_before_anything_is_painted(daemon: Daemon, wire: Wire) -> None:
    path = write_tensors(daemon.loras / "dead.safetensors", pairs_for_pinhole("transformer.", strength=0.0))
    error = wire.error("render", {"prompt": "a kiln", "lora_paths": [str(path)], "lora_scales": [1.0]})
    assert error["code"] == -32008
    (report,) = error["data"]["detail"]["loras"]
    assert (report["verdict"], report["applied_target_count"]) == ("noop", 0)


def test_one_of_the_wrong_width_or_of_another_family_is_refused_with_the_model_it_is_for(
    daemon: Daemon, wire: Wire
) -> None:
    wide = write_tensors(daemon.loras / "wide.safetensors", pairs_for_pinhole("transformer.", layers={"film": (3, 32)}))
    other = make_adapter(daemon.loras / "other.safetensors", blocks=1, rank=1)
    for path, said in ((wide, "takes 16 inputs"), (other, "looks made for dev or schnell")):
        error = wire.error("render", {"prompt": "a kiln", "lora_paths": [str(path)], "lora_scales": [1.0]})
        assert error["code"] == -32007
        assert said in error["message"]


def test_the_daemon_looks_at_files_for_it_without_its_base(daemon: Daemon, wire: Wire) -> None:
    path = write_tensors(daemon.loras / "looked-at.safetensors", pairs_for_pinhole("transformer."))
    (file,) = wire.result("lora.inspect", {"lora_paths": [str(path)]})["files"]
    assert (file["verdict"], file["target_count"], file["convention"]) == ("engaged", 5, "diffusers")
    (file,) = wire.result("lora.inspect", {"lora_paths": [str(path)], "variant": "dev"})["files"]
    assert file["verdict"] == "refused"
    assert "looks made for pinhole" in file["reason"]


def test_the_command_line_knows_it_too(tmp_path: Path) -> None:
    path = write_tensors(tmp_path / "a.safetensors", pairs_for_pinhole(""))
    command = [KILNMARK, "lora", "inspect", str(path), "--variant", "pinhole", "--json"]
    shown = subprocess.run(command, env={**os.environ, **ENV}, capture_output=True, text=True, check=True)
    (file,) = json.loads(shown.stdout)["files"]
    assert (file["verdict"], file["target_count"]) == ("engaged", 5)


def write_pinhole(path: Path) -> Path:
    """A directory of it, with other weights than it makes up."""
    numbers = np.random.default_rng(9)
    camera: dict[str, tuple[int, ...]] = {f"{layer}.weight": shape for layer, shape in LAYERS.items()}
    camera |= {f"{layer}.bias": (out,) for layer, (out, _) in LAYERS.items()}
    eye = {"letters.weight": (256, 16), "iris.weight": (16, 16)}
    parts: dict[str, dict[str, tuple[int, ...]]] = {"camera": camera, "eye": {**eye}}
    for folder, shapes in parts.items():
        (path / folder).mkdir(parents=True)
        made = {name: numbers.standard_normal(shape).astype(np.float32) / 4 for name, shape in shapes.items()}
        save_file(made, path / folder / "0.safetensors")
    return path


def test_a_directory_of_it_is_told_by_its_weights(tmp_path: Path) -> None:
    place = write_pinhole(tmp_path / "mine")
    with (
        running_daemon(env=ENV, variant="mine", bases={"mine": str(place), "pinhole": "pinhole"}) as daemon,
        daemon.wire() as wire,
    ):
        status = wire.result("status")
        assert status["counts_as"] == {"mine": "pinhole"}
        mine = render(wire, variant="mine")
        assert not np.array_equal(pixels(mine), pixels(render(wire, variant="pinhole")))
        held = wire.result("status")["memory"]["bases"]
    assert (mine["width"], mine["steps"], mine["variant"]) == (128, 3, "mine")
    (base,) = (each for each in held if each["base"]["variant"] == "mine")
    assert base["declared_bytes"] == 4 * (5216 + 67)
