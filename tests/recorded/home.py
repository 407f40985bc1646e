"""The folder that a recorded daemon lives in: adapters made byte by byte, and the packs that lie beside this module.

Nothing of the product is used, so that a change of the product cannot change what it is asked.
"""

import json
import shutil
import struct
from pathlib import Path

__all__ = ["SETTINGS", "make_home"]

SETTINGS: dict[str, object] = {
    "socket": "<home>/daemon.sock",
    "output_dir": "<home>/pictures",
    "lora_roots": ["<home>/loras"],
    "packs": "<home>/packs",
    "bases": {"broken": "<home>/broken"},
    "queue_limit": 2,
    "batch_delay": 0.0,
    "heartbeat_interval": 0.05,
}
"""What the daemon is told; `<home>` stands for the folder."""

PACKS = Path(__file__).parent / "packs"

WIDTH = 3072
RANK = 1
QUERY = "transformer.transformer_blocks.0.attn.to_q"
KEY = "transformer.transformer_blocks.0.attn.to_k"

Tensors = dict[str, tuple[tuple[int, ...], bytes]]


def make_home(folder: Path) -> None:
    """Lay out adapters, packs and a base that is none; the same bytes every time."""
    loras, packs = folder / "loras", folder / "packs"
    loras.mkdir()
    (folder / "broken").mkdir()
    shutil.copytree(PACKS, packs)
    _write(loras / "ink.safetensors", pair(QUERY, 1))
    _write(loras / "against.safetensors", pair(QUERY, 1, sign=-1))
    _write(loras / "dead.safetensors", pair(QUERY, 0))
    _write(loras / "half.safetensors", {**pair(QUERY, 2), **pair("transformer.nowhere.0.to_q", 3)})
    _write(loras / "foreign.safetensors", {"some.other.weight": numbers((4, 4), 1)})
    _write(loras / "narrow.safetensors", pair(QUERY, 1, width=64))
    _write(loras / "turned.safetensors", turned())
    (loras / "broken.safetensors").write_bytes(b"no tensors here")
    _write(folder / "outside.safetensors", pair(QUERY, 1))
    (packs / "slate" / "loras").mkdir()
    _write(packs / "slate" / "loras" / "wash.safetensors", pair(KEY, 4))
    _write(packs / "slate" / "loras" / "line.safetensors", pair(QUERY, 5))
    mark = packs / "slate" / "worlds" / "quarry" / "loras"
    mark.mkdir()
    _write(mark / "mark.safetensors", pair(KEY, 6))


def pair(module: str, seed: int, *, sign: int = 1, width: int = WIDTH) -> Tensors:
    """A LoRA of one layer in PEFT's names, rank 1, shapes (1, width) and (width, 1); seed 0: up is zero."""
    return {
        f"{module}.lora_A.weight": numbers((RANK, width), seed + 7),
        f"{module}.lora_B.weight": numbers((width, RANK), sign * seed),
    }


def turned() -> Tensors:
    """An OFT of one layer in the names of LyCORIS: 768 blocks of 4 x 4, whose skew part turns each."""
    return {
        "lora_unet_double_blocks_0_img_attn_proj.oft_blocks": numbers((WIDTH // 4, 4, 4), 8),
        "lora_unet_double_blocks_0_img_attn_proj.alpha": ((), struct.pack("<e", 0.0)),
    }


def numbers(shape: tuple[int, ...], seed: int) -> tuple[tuple[int, ...], bytes]:
    """Float16 numbers of some hundredths, exact on every machine; all of them zero for seed 0."""
    count = 1
    for side in shape:
        count *= side
    values = [((i * 7919 + 31 * abs(seed)) % 257 - 128) * seed / 16384 for i in range(count)]
    return shape, struct.pack(f"<{count}e", *values)


def _write(path: Path, tensors: Tensors) -> None:
    header: dict[str, object] = {}
    offset = 0
    for name, (shape, data) in tensors.items():
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data for _, data in tensors.values()))
