"""Tables of names that installed families bring: each test looks at its own package, from a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kilnmark.keymaps.names.schema import load_conventions
from kilnmark.keymaps.names.tables import load_tables, tables_of
from tests.installed import install

SHAPES = """{"source": "a test", "layers": {"gate": [6, 4], "blocks.{block}.mix": [4, 4, 2]}}"""
SHAPES_FILE = "model_shapes/pinhole-one.json"
TABLE = """\
name: pinhole-camera
description: Another code base's names.
variant: pinhole-one
source: camera, version 1
conventions: [kohya]
modules:
  shutter: gate
  lens.{block}.glass: blocks.{block}.mix
"""
LOOK = """
import json, sys
from kilnmark.keymaps.names.recognition import recognise
from kilnmark.keymaps.names.shapes import load_shapes, painters
from kilnmark.keymaps.names.sorting import sort_keys

keys = json.loads(sys.argv[1])
sorting = sort_keys("a file", keys, load_shapes("pinhole-one"))
print(json.dumps({
    "painters": painters(),
    "shapes": dict(load_shapes("pinhole-one")),
    "targets": [module.targets for module in sorting.modules],
    "convention": sorting.recognition and sorting.recognition.convention.name,
    "unmatched": sorting.unmatched,
}))
"""


def looked_at(folder: Path, *keys: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", LOOK, json.dumps(keys)]
    return subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False
    )


def found(folder: Path, *keys: str) -> dict[str, Any]:
    shown = looked_at(folder, *keys)
    assert not shown.returncode, shown.stderr
    told: dict[str, Any] = json.loads(shown.stdout)
    return told


def pair(module: str, down: str = "lora_A.weight", up: str = "lora_B.weight") -> list[str]:
    return [f"{module}.{down}", f"{module}.{up}"]


SMALLER = ["flux2-klein-4b", "flux2-klein-9b", "mini"]


def test_a_family_without_tables_is_read_by_its_own_paths(tmp_path: Path) -> None:
    install(tmp_path, files={SHAPES_FILE: SHAPES})
    told = found(tmp_path, *pair("transformer.gate"), *pair("transformer.blocks.1.mix"), *pair("transformer.lens"))
    assert told["shapes"] == {"gate": [6, 4], "blocks.0.mix": [4, 4], "blocks.1.mix": [4, 4]}
    assert told["painters"] == [
        "dev",
        "schnell",
        *SMALLER,
        "z-image-turbo",
        "krea-2",
        "flux3-klein",
        "flux3-klein-base",
        "qwen-image-2.1",
        "pinhole-one",
    ]
    assert (told["targets"], told["convention"]) == ([["gate"], ["blocks.1.mix"]], "diffusers")
    assert told["unmatched"] == pair("transformer.lens")


def test_a_table_that_it_brings_is_read_in_the_conventions_that_it_names(tmp_path: Path) -> None:
    install(tmp_path, files={SHAPES_FILE: SHAPES, "layers/camera.yaml": TABLE})
    kohya = ("lora_down.weight", "lora_up.weight")
    told = found(tmp_path, *pair("lora_unet_shutter", *kohya), *pair("lora_unet_lens_1_glass", *kohya))
    assert (told["targets"], told["convention"], told["unmatched"]) == ([["gate"], ["blocks.1.mix"]], "kohya", [])
    assert found(tmp_path, *pair("transformer.gate"))["targets"] == []


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "no package has a file of shapes called pinhole-one.json; install the whole family"),
        ({"model_shapes/dev.json": SHAPES}, "pinhole has shapes called 'dev', and so has another family; rename one"),
        (
            {SHAPES_FILE: SHAPES.replace('"gate"', '"t5_text_encoder.gate"')},
            "pinhole-one: t5_text_encoder.gate begins like a text encoder's layer; call one of them otherwise",
        ),
        (
            {SHAPES_FILE: SHAPES, "layers/camera.yaml": TABLE.replace("pinhole-camera", "flux1-bfl")},
            "two tables of names are called 'flux1-bfl'; rename one",
        ),
    ],
)
def test_a_package_that_cannot_be_used_is_told_with_the_mend(tmp_path: Path, files: dict[str, str], said: str) -> None:
    shown = looked_at(install(tmp_path, files=files), *pair("transformer.gate"))
    assert shown.returncode
    assert f"UnusableFamily: {said}" in shown.stderr


def test_a_convention_has_its_tables_in_its_own_order() -> None:
    convention = load_conventions()["kohya"]
    assert [table.name for table in tables_of(convention)] == list(convention.tables)
    assert all(name in load_tables() for name in convention.tables)
