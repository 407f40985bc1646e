"""The page "My LoRA does nothing: why" shows what `lora inspect` really prints of the files it speaks of."""

import io
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from safetensors.numpy import load_file

from kilnmark.client.cli.views.inspection import show_inspection
from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import make_adapter, write_tensors

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "lora-does-nothing.md"
SHOWN_FOLDER = "/loras"
COMMAND = "$ kilnmark lora inspect "

QKV = "lora_unet_double_blocks_0_img_attn_qkv"
PROJ = "lora_unet_double_blocks_0_img_attn_proj"
CLIP = "lora_te1_text_model_encoder_layers_0_self_attn_q_proj"

Tensors = dict[str, Any]


def pair(module: str, *, rank: int = 4, rows: int = 3072, columns: int = 3072, up_rank: int | None = None) -> Tensors:
    return {
        f"{module}.lora_down.weight": np.full((rank, columns), 0.01, np.float32),
        f"{module}.lora_up.weight": np.full((rows, up_rank or rank), 0.01, np.float32),
        f"{module}.alpha": np.asarray(np.float32(rank)),
    }


def healthy(path: Path) -> None:
    metadata = {
        "ss_network_module": "networks.lora_flux",
        "ss_output_name": "ohwx",
        "ss_sd_model_name": "flux1-dev.safetensors",
        "modelspec.architecture": "flux-1-dev/lora",
        "ss_steps": "1200",
        "ss_epoch": "10",
        "ss_tag_frequency": json.dumps({"10_ohwx man": {"ohwx man": 24, "red coat": 13}}),
    }
    write_tensors(path, load_file(make_adapter(path, "kohya", rank=4)), metadata=metadata, dtype="BF16")


def some_zero(path: Path) -> None:
    zero = {f"{PROJ}.lora_up.weight": np.zeros((3072, 4), np.float32)}
    write_tensors(path, pair(QKV, rows=9216) | pair(PROJ) | zero)


def faint(path: Path) -> None:
    write_tensors(path, pair(PROJ) | {f"{PROJ}.lora_up.weight": np.full((3072, 4), 1e-30, np.float32)})


def too_strong(path: Path) -> None:
    write_tensors(path, pair(PROJ) | {f"{PROJ}.alpha": np.asarray(np.float32(1024))})


def half_known(path: Path) -> None:
    write_tensors(path, pair(QKV, rows=9216) | pair("lora_unet_my_own_block_0_proj"))


def half_missing(path: Path) -> None:
    tensors = pair(PROJ)
    tensors.pop(f"{PROJ}.lora_up.weight")
    write_tensors(path, tensors)


def not_finite(path: Path) -> None:
    tensors = pair(PROJ)
    tensors[f"{PROJ}.lora_up.weight"][7, 1] = np.nan
    write_tensors(path, tensors)


def cut_off(path: Path) -> None:
    write_tensors(path, pair(PROJ))
    path.write_bytes(path.read_bytes()[:-1000])


def other_model(path: Path) -> None:
    modules = [f"diffusion_model.layers.{block}.attention.to_{name}" for block in range(2) for name in "qkv"]
    down = {f"{module}.lora_A.weight": np.full((4, 3840), 0.01, np.float32) for module in modules}
    up = {f"{module}.lora_B.weight": np.full((3840, 4), 0.01, np.float32) for module in modules}
    write_tensors(path, down | up)


def tucker(path: Path) -> None:
    write_tensors(path, pair(PROJ) | {f"{PROJ}.hada_t1": np.ones((4, 4), np.float32)})


FILES: Mapping[str, Callable[[Path], object]] = {
    "healthy": healthy,
    "zero": lambda path: make_adapter(path, "diffusers", dead=True, dtype="BF16"),
    "unknown": lambda path: make_adapter(path, "unknown", blocks=1),
    "misspelt": lambda path: write_tensors(path, pair(f"{QKV}_x", rows=9216)),
    "faint": faint,
    "too-strong": too_strong,
    "text-encoder": lambda path: write_tensors(path, pair(CLIP, rows=768, columns=768)),
    "some-zero": some_zero,
    "half-known": half_known,
    "half-missing": half_missing,
    "two-ranks": lambda path: write_tensors(path, pair(PROJ, up_rank=6)),
    "tiled": lambda path: write_tensors(path, pair(QKV, rank=12, rows=9216, up_rank=4)),
    "other-model": other_model,
    "other-width": lambda path: write_tensors(path, pair(PROJ, columns=2000)),
    "tucker": tucker,
    "not-finite": not_finite,
    "web-page": lambda path: path.write_text("<!doctype html><title>Log in</title>"),
    "error": lambda path: path.write_text('{"error":"Unauthorized","message":"You must be logged in"}'),
    "trained_model": lambda path: path.write_bytes(bytes(257).replace(b"\0", b"a", 1) + b"ustar\x0000" + bytes(248)),
    "pickle": lambda path: path.write_bytes(b"\x80\x02}q\x00." + bytes(64)),
    "pointer": lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
    "cut-off": cut_off,
    "absent": lambda path: path,
}
"""What the page shows, by the name it has there."""

VARIANTS = {"text-encoder": "flux2-klein-4b"}
"""Files that are shown for another model than dev."""


def blocks_of_the_page() -> dict[str, str]:
    """What stands under each command of the page, by the name of its file."""
    fenced = re.findall(r"^```text\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    blocks: dict[str, str] = {}
    for block in fenced:
        command, _, printed = block.partition("\n")
        assert command.startswith(COMMAND)
        name = command.removeprefix(COMMAND).partition(".safetensors")[0]
        assert name not in blocks
        blocks[name] = printed
    return blocks


def printed_of(name: str, folder: Path) -> str:
    """What the command prints of one file, in the page's folder and without its hash."""
    path = folder / f"{name}.safetensors"
    FILES[name](path)
    stream = io.StringIO()
    out = Console(file=stream, width=10_000, markup=False, highlight=False)
    variant = VARIANTS.get(name, "dev")
    show_inspection(out, inspect_file(str(path), load_shapes(variant)), variant, with_targets=False)
    lines = [line for line in stream.getvalue().splitlines() if line and not line.startswith("  sha256")]
    return "\n".join(lines).replace(str(folder), SHOWN_FOLDER) + "\n"


def test_the_page_shows_each_of_the_files_once() -> None:
    assert blocks_of_the_page().keys() == FILES.keys()


@pytest.mark.parametrize("name", FILES)
def test_the_page_shows_what_is_really_printed(name: str, tmp_path: Path) -> None:
    assert blocks_of_the_page()[name] == printed_of(name, tmp_path.resolve())


def test_the_readme_leads_to_the_page() -> None:
    assert f"({PAGE.relative_to(ROOT).as_posix()})" in (ROOT / "README.md").read_text()
