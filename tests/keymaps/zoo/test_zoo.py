"""The whole zoo at full depth: every healthy file means its trainer's own arithmetic, every broken one is caught.

Most are an eighth as wide as their models. Each file is made and read once; what the table in the docs says of it is
compared with that same reading.
"""

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from safetensors.numpy import load_file

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.names.shapes import Shapes, load_shapes
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.keymaps.zoo.zoo import EXHIBITS, Exhibit, write_exhibit
from kilnmark.protocol.picture.report import Verdict
from tests.keymaps.oracle import WRITERS as USUAL
from tests.keymaps.oracle import Raw, relative_error
from tests.keymaps.said.oracle import SAID
from tests.keymaps.spelled import SPELLED
from tests.keymaps.zoo.narrow import line_in, narrow_shapes

SCRIPT = Path(__file__).parents[3] / "scripts" / "make_zoo_table.py"
BY_NAME = {exhibit.name: exhibit for exhibit in EXHIBITS}

WRITERS = {**USUAL, **SPELLED, **SAID}

KEYS = {
    "mlx-examples-raw": 608,
    "mlx-examples-remapped": 608,
    "mlx-examples-remapped-tiled": 608,
    "kohya": 912,
    "kohya-te1": 1128,
    "kohya-te1-te3": 1632,
    "te-only": 216,
    "kohya-split-qkv": 912,
    "draw-things": 912,
    "kohya-in-dims": 936,
    "kohya-dora": 1216,
    "kohya-lokr-bfl": 912,
    "kohya-loha-bfl": 1520,
    "ai-toolkit": 988,
    "replicate-ostris": 988,
    "ai-toolkit-lokr": 1482,
    "ai-toolkit-lokr-old": 1482,
    "diffusers-peft": 684,
    "diffusers-peft-te": 780,
    "diffusers-all-linear": 1008,
    "diffusers-alpha": 1482,
    "diffusers-down-up": 1482,
    "peft-unprefixed": 988,
    "peft-default-adapter": 988,
    "peft-base-model": 988,
    "simpletuner-old": 684,
    "peft-dora": 1026,
    "simpletuner-lokr": 1026,
    "simpletuner-lokr-lowrank": 1368,
    "onetrainer-legacy": 1512,
    "onetrainer-comfy": 912,
    "onetrainer-original": 912,
    "comfy-bfl": 608,
    "comfy-xlabs-realism": 152,
    "fal-kontext": 610,
    "fal-flux-lora": 684,
    "bfl-control": 988,
    "xlabs": 152,
    "kohya-oft": 798,
    "kohya-lycoris-oft": 912,
    "simpletuner-boft": 76,
    "onetrainer-oft": 342,
    "lora-unet-diffusers": 1482,
    "mixed-peft-kohya": 1900,
    "mflux-train-old": 988,
    "flux2-ai-toolkit": 160,
    "flux2-comfy-down-up": 240,
    "flux2-diffusers": 200,
    "flux2-kohya": 240,
    "qwen3-diffusers": 704,
    "qwen3-diffusers-only": 504,
    "qwen3-kohya-only": 756,
    "qwen3-kohya-headed": 1056,
    "qwen3-comfyui-only": 504,
    "qwen3-comfyui-8b-only": 504,
    "zimage-ai-toolkit": 480,
    "zimage-diffusers": 420,
    "zimage-kohya": 720,
    "zimage-comfy-fused": 450,
    "zimage-comfy-fused-ab": 450,
    "krea2-ai-toolkit": 448,
    "krea2-all": 528,
    "krea2-down-up": 672,
    "krea2-official": 512,
    "krea2-diffusers": 448,
    "krea2-peft": 528,
    "krea2-kohya": 672,
    "flux3-ai-toolkit": 336,
    "flux3-all": 546,
    "flux3-down-up": 774,
    "flux3-diffusers": 516,
    "flux3-peft": 546,
    "flux3-kohya": 774,
    "qwen-image-diffusers": 448,
    "qwen-image-comfyui": 464,
    "qwen-image-down-up": 672,
    "qwen-image-peft": 464,
    "qwen-image-fused": 390,
    "qwen-image-lycoris": 672,
}
"""Tensors of a full file of each convention."""

CONVENTIONS = {
    "mlx-examples": ["mlx-examples-raw"],
    "kohya": ["mlx-examples-remapped", "kohya", "kohya-te1", "kohya-te1-te3", "kohya-split-qkv", "draw-things"],
    "diffusers": ["ai-toolkit", "diffusers-peft", "diffusers-alpha", "diffusers-down-up", "mixed-peft-kohya"],
    "peft": ["peft-unprefixed", "peft-default-adapter", "peft-base-model", "simpletuner-old"],
    "onetrainer": ["onetrainer-legacy"],
    "comfyui": ["onetrainer-comfy", "comfy-bfl", "comfy-xlabs-realism", "flux2-ai-toolkit", "zimage-comfy-fused"],
    "bfl": ["onetrainer-original", "fal-kontext"],
    "xlabs": ["xlabs", "xlabs-single"],
    "lora-unet-diffusers": ["lora-unet-diffusers"],
    "mflux-train": ["mflux-train-old"],
}

OTHER_KINDS = {
    "kohya-dora",
    "peft-loha",
    "kohya-lokr-bfl",
    "kohya-loha-bfl",
    "ai-toolkit-lokr",
    "ai-toolkit-lokr-old",
    "peft-dora",
    "onetrainer-dora",
    "onetrainer-dora-fused",
    "ai-toolkit-dora",
    "convolutions",
    "simpletuner-lokr",
    "simpletuner-lokr-lowrank",
    "bfl-control",
    "diffusers-control",
    "lycoris-norms",
    "ai-toolkit-norms",
    "zimage-extracted",
    "zimage-trained-in-comfyui",
    "kohya-te1-untrained",
    "comfy-extracted-te-zeros",
    "comfy-extracted",
    "kohya-oft",
    "kohya-lycoris-oft",
    "simpletuner-boft",
    "onetrainer-oft",
}
"""No plain pairs: test_dora, test_loha, test_lokr, test_beyond_pairs and test_oft hold targets to the trainer's own."""

BY_WIDTH = {"ai-toolkit-says-sd15", "copied-in-part", "cut-off", "oft-of-half-the-blocks"}
"""Those of which widths tell something; beside what is made for another model than it is tried on, and by no recipe."""

CAUGHT = {
    "mlx-examples-remapped-tiled": "tiled 3 times.*a keymap writes it for mflux 0.13.0 to 0.18.1.*remap the original",
    "not-a-number": "not finite",
    "infinite": "not finite",
    "missing-half": "the up matrix that belongs to it is missing",
    "of-other-rank": "share one rank",
    "said-twice": "names the same matrix",
    "copied-in-part": "keep one of the two copies",
    "zimage-twice-otherwise": r"another way \(by 41% of the larger change\): which of the two copies is meant is open",
    "two-conventions-otherwise": r"another way \(by 200% of the larger change\)",
    "alpha-not-a-number": "alpha is nan",
    "flux2-on-dev": "looks made for flux2-klein-4b",
    "zimage-on-dev": "looks made for z-image-turbo",
    "oft-not-a-number": "not finite",
    "oft-of-half-the-blocks": "turns 1536 inputs, but .* takes 3072",
    "pissa-unconverted": "initialised by pissa.*the base it belongs to was altered",
    "olora-unconverted": "initialised by olora.*the base it belongs to was altered",
    "cut-off": "cut off",
    "pickled": "pickle",
    "sdxl-with-its-text-encoder": "looks made for SDXL",
    "sd3-medium-diffusers": "looks made for Stable Diffusion 3 or 3.5 Medium",
    "qwen-image-attention": "looks made for Qwen-Image.*60 blocks",
    "qwen-image-kohya": "looks made for Qwen-Image.*60 blocks",
    "hunyuan-video": "looks made for HunyuanVideo.*40 blocks",
    "hunyuan-video-diffusers": "looks made for HunyuanVideo.*40 blocks",
    "ltx-video": "looks made for LTX-Video",
    "chroma-with-its-guidance": "looks made for Chroma.*distilled_guidance_layer",
    "flux2-dev-bfl": "looks made for FLUX.2-dev.*widths 6144 and 24576",
    "flux2-klein-9b-on-4b": "looks made for flux2-klein-9b; use it with that variant",
    "qwen3-8b-on-4b": "looks made for flux2-klein-9b; use it with that variant",
    "auraflow": "looks made for AuraFlow",
    "hunyuan-image": "looks made for HunyuanImage 2.1.*widths 3584 and 17920",
    "hunyuan-video-15": "looks made for HunyuanVideo 1.5.*54 blocks",
    "lumina2-on-zimage": "looks made for Lumina 2.*widths 2304",
    "control-with-a-widened-input": "looks made for a FLUX.1 control model.*widths 128; 19 blocks",
    "control-with-its-new-shape": "a control adapter",
    "glora": "a GLoRA",
    "ia3": "IA.3 adapter",
    "vera": "a VeRA",
    "svdquant": "SVDQuant",
    "textual-inversion": "textual inversions",
    "merged-checkpoint": "a whole model, or a LoRA that was merged into one",
    "ip-adapter": "an IP-Adapter",
    "svdquant-of-today": "SVDQuant",
    "fourierft": "a FourierFT adapter",
    "hra": "a HRA adapter",
    "controlnet": "a ControlNet",
    "textual-inversion-of-onetrainer": "textual inversions",
}


class _Script(ModuleType):
    """What is used of the script."""

    BEGIN: str
    END: str
    DOCUMENT: Path
    judged: Callable[[Exhibit, Adapter], object]
    refused: Callable[[Exhibit, RefusedFile], object]


@cache
def script() -> _Script:
    spec = importlib.util.spec_from_file_location("make_zoo_table", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module  # type: ignore[return-value]


@cache
def documented() -> dict[str, str]:
    """The rows of the table in the docs, by name of the exhibit."""
    text = script().DOCUMENT.read_text(encoding="utf-8")
    lines = text.partition(script().BEGIN)[2].partition(script().END)[0].splitlines()
    return {line.split("|")[1].strip(): line for line in lines[2:]}


def written(exhibit: Exhibit, folder: Path) -> tuple[Path, Shapes]:
    """Its file, and the shapes that it is tried on."""
    wide = exhibit.name in BY_WIDTH or exhibit.made_for or not exhibit.recipes
    shapes = load_shapes(exhibit.variant) if wide else narrow_shapes(exhibit.variant)
    made_for = load_shapes(exhibit.made_for) if exhibit.made_for else shapes
    return write_exhibit(folder / "exhibit.safetensors", exhibit, shapes=made_for, dtype="F16"), shapes


def means_the_trainers_arithmetic(name: str, shapes: Shapes, adapter: Adapter, raw: Raw) -> None:
    writer = WRITERS[name]
    lines = {line[1]: line for line in writer.lines()}
    assert {update.target for update in adapter.updates} == set(lines)
    assert adapter.matched_key_count == len(writer.keys(raw))
    for update in adapter.updates:
        assert isinstance(update, PairUpdate)
        truth = writer.product(raw, line_in(shapes, lines[update.target], BY_NAME[name].variant))
        assert (update.up.shape[0], update.down.shape[1]) == shapes[update.target]
        up, down = update.up.astype(float), update.down.astype(float)
        assert relative_error(update.multiplier, up, down, truth) < 1e-5, update.target


@pytest.mark.parametrize("name", [exhibit.name for exhibit in EXHIBITS if exhibit.verdict is not Verdict.REFUSED])
def test_a_readable_file_is_judged_rightly_and_means_what_its_trainer_meant(tmp_path: Path, name: str) -> None:
    exhibit = BY_NAME[name]
    path, shapes = written(exhibit, tmp_path)
    adapter = read_adapter(path, shapes)
    raw = load_file(path)
    path.unlink()
    assert len(raw) == adapter.total_key_count == KEYS.get(name, len(raw))
    assert str(script().judged(exhibit, adapter)) == documented()[name]
    assert f"| {exhibit.verdict.value} |" in documented()[name]
    if exhibit.verdict is Verdict.ENGAGED:
        assert not adapter.unmatched_keys
        if name not in OTHER_KINDS:
            means_the_trainers_arithmetic(name, shapes, adapter, raw)


@pytest.mark.parametrize("name", [exhibit.name for exhibit in EXHIBITS if exhibit.verdict is Verdict.REFUSED])
def test_a_file_that_cannot_be_applied_is_refused_with_the_reason(tmp_path: Path, name: str) -> None:
    exhibit = BY_NAME[name]
    path, shapes = written(exhibit, tmp_path)
    with pytest.raises(RefusedFile, match=CAUGHT[name]) as caught:
        read_adapter(path, shapes)
    assert str(script().refused(exhibit, caught.value)) == documented()[name]
    path.unlink()
    if name in KEYS:
        assert f"| 0 of {KEYS[name]} |" in documented()[name]
        assert "%)" in documented()[name]


def test_the_table_of_the_docs_has_every_exhibit_and_no_other() -> None:
    assert list(documented()) == [exhibit.name for exhibit in EXHIBITS]


def test_every_convention_of_the_list_is_in_the_zoo_and_every_healthy_one_has_an_oracle() -> None:
    assert KEYS.keys() <= BY_NAME.keys()
    assert WRITERS.keys() | OTHER_KINDS == {e.name for e in EXHIBITS if e.verdict is Verdict.ENGAGED}


@pytest.mark.parametrize(("convention", "names"), CONVENTIONS.items())
def test_the_convention_is_called_what_people_call_it(convention: str, names: list[str]) -> None:
    assert all(f"| {convention} (" in documented()[name] for name in names)


def test_the_second_copy_of_a_mixed_file_is_reported_as_one(tmp_path: Path) -> None:
    path = write_exhibit(tmp_path / "a.safetensors", BY_NAME["mixed-peft-kohya"], rank=1, blocks=1)
    adapter = read_adapter(path, load_shapes("dev"))
    assert adapter.ignored_keys == {"copy of the same layers in kohya names": 39}


def test_the_last_blocks_alone_are_read_as_they_were_trained(tmp_path: Path) -> None:
    path = write_exhibit(tmp_path / "a.safetensors", BY_NAME["mlx-examples-raw"], rank=1, blocks=1)
    adapter = read_adapter(path, load_shapes("dev"))
    assert (adapter.matched_key_count, adapter.total_key_count, adapter.target_count) == (26, 26, 20)


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    files = [
        write_exhibit(tmp_path / f"{n}.safetensors", BY_NAME["kohya-te1"], rank=1, blocks=1, seed=seed)
        for n, seed in enumerate([0, 0, 1])
    ]
    first, same, other = [file.read_bytes() for file in files]
    assert first == same
    assert first != other
