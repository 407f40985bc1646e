"""Flaws of whole files: broken bytes, a header or a configuration that says something else, copies that differ, files
of other models and of no model.
"""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tests.trust.flaws import Flaw, Flawed, pairs_only, pick, remade
from tests.trust.healthy import AdapterDrawn
from tests.trust.models import MODELS
from tests.trust.storage import Stored, as_bytes, header_of, store
from tests.trust.writers import as_diffusers, as_made

__all__ = ["OF_FILES"]

Numbers = np.random.Generator


def _whole(drawn: AdapterDrawn) -> bytes:
    return as_bytes(header_of(drawn.tensors, drawn.metadata), drawn.tensors)


def _cut_off(drawn: AdapterDrawn, numbers: Numbers) -> Flawed:
    content = _whole(drawn)
    end = int(numbers.integers(len(content)))
    return Flawed(content[:end], f"at byte {end} of {len(content)}")


def _overlapping(drawn: AdapterDrawn, numbers: Numbers) -> Flawed:
    header = header_of(drawn.tensors, drawn.metadata)
    key = pick(numbers, list(drawn.tensors))
    shift = int(numbers.choice([-8, -2, 2, 8, 4096]))
    header[key]["data_offsets"] = [place + shift for place in header[key]["data_offsets"]]
    return Flawed(as_bytes(header, drawn.tensors), f"{key} by {shift} bytes")


def _flipped(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    """One character of what the header says of tensors."""
    if not pairs_only(drawn) or len(drawn.changes) != sum(len(module.unit.parts) for module in drawn.modules):
        return None
    text = bytearray(json.dumps(header_of(drawn.tensors, None), separators=(",", ":")).encode())
    place = int(numbers.integers(len(text)))
    old = text[place]
    text[place] ^= 1 << int(numbers.integers(7))
    shown = f"{bytes([old])!r} -> {bytes([text[place]])!r} at {place}: {bytes(text[max(0, place - 40) : place + 20])!r}"
    return Flawed(as_bytes(bytes(text), drawn.tensors), shown, may_be_read=True)


def _said_twice(drawn: AdapterDrawn, numbers: Numbers) -> Flawed:
    key = pick(numbers, list(drawn.tensors))
    header = header_of(drawn.tensors, drawn.metadata)
    text = json.dumps(header, separators=(",", ":"))
    again = json.dumps(key) + ":" + json.dumps(header[key], separators=(",", ":"))
    return Flawed(as_bytes(f"{text[:-1]},{again}}}".encode(), drawn.tensors), key)


def _config(drawn: AdapterDrawn, told: str, **fields: object) -> Flawed | None:
    """Entries of PEFT's config in the header of a file of PEFT's pairs."""
    if not pairs_only(drawn) or drawn.writer.naming is not as_diffusers or drawn.hand.down != "lora_A.weight":
        return None
    if "alpha" in {suffix for module in drawn.modules for suffix in module.keys}:
        return None
    old = json.loads((drawn.metadata or {}).get("lora_adapter_metadata", "{}"))
    rank = drawn.hand.rank
    new = {"transformer.r": rank, "transformer.lora_alpha": rank, **old}
    new |= {f"transformer.{name}": value for name, value in fields.items()}
    metadata = {**(drawn.metadata or {}), "lora_adapter_metadata": json.dumps(new)}
    content = as_bytes(header_of(drawn.tensors, metadata), drawn.tensors)
    return Flawed(content, json.dumps(fields), told)


def _altered_base(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    """huggingface/peft#1929: the file belongs to a base whose principal part was taken out."""
    return _config(
        drawn, "pissa|olora|PiSSA|OLoRA", init_lora_weights=pick(numbers, ("pissa", "olora", "pissa_niter_4"))
    )


def _lost_magnitudes(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    return _config(drawn, "use_dora|magnitude", use_dora=True)


def _other_rank_said(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    return _config(drawn, "rank", r=drawn.hand.rank + 4)


def _config_of_no_sense(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    value = ([1], "much", float("nan"), None, {"a": 1})[int(numbers.integers(5))]
    return _config(drawn, "lora_alpha|alpha", lora_alpha=value)


def _one_of_two(drawn: AdapterDrawn, numbers: Numbers) -> Flawed:
    index = json.dumps({"weight_map": {"x": "ink-00002-of-00002.safetensors"}}).encode()
    beside = {"ink.safetensors.index.json": index} if numbers.random() < 0.5 else {}
    return Flawed(
        _whole(drawn),
        "first of two",
        "of-00002|shard|half of|rest of|1 of 2",
        "",
        "ink-00001-of-00002.safetensors",
        beside,
    )


_ELSEWHERE: Mapping[object, Sequence[str]] = {
    as_made: ("diffusion_model.", "base_model.model."),
    as_diffusers: ("transformer.", "base_model.model."),
}


def _copies(drawn: AdapterDrawn, numbers: Numbers, factor: float, *, all_of_them: bool) -> Flawed | None:
    """Modules stand in the file twice, under two prefixes, with different numbers."""
    prefixes = _ELSEWHERE.get(drawn.writer.naming)
    if prefixes is None or not pairs_only(drawn) or drawn.hand.transposed or drawn.hand.down not in _READ_BELOW:
        return None
    own = drawn.modules[0].name
    prefix = next(prefix for prefix in prefixes if not own.startswith(prefix))
    inside = [module for module in drawn.modules if module.unit.stack not in {"clip", "t5"}]
    if not inside:
        return None
    chosen = inside if all_of_them else [inside[int(numbers.integers(len(inside)))]]
    more: dict[str, Stored | None] = {}
    for module in chosen:
        for suffix, key in module.keys.items():
            tensor = drawn.tensors[key]
            copy = store(tensor.values * factor, tensor.dtype) if suffix == drawn.hand.up else tensor
            more[f"{prefix}{module.unit.name}.{suffix}"] = copy
    return remade(drawn, f"{len(chosen)} modules below {prefix}", more, "differ|contradict|opposite|something else")


_READ_BELOW = ("lora_A.weight", "lora_down.weight")


def _other_copy(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    """huggingface/diffusers#13203: which copy is meant is open."""
    return _copies(drawn, numbers, 4.0 if drawn.hand.dtype.startswith("F8") else 1.75, all_of_them=False)


def _undoing_copies(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    return _copies(drawn, numbers, -1.0, all_of_them=True)


def _other_base(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    """The header names a model of another family; names and sizes fit."""
    said = {
        "dev": ("flux_2_klein_4b", "Flux.2-klein-4b/lora"),
        "schnell": ("sdxl_base_v1-0", "stable-diffusion-xl-v1-base/lora"),
        "flux2-klein-4b": ("flux1", "flux-1-dev/lora"),
        "z-image-turbo": ("flux1", "flux-1-dev/lora"),
    }[drawn.model.name]
    metadata = {**(drawn.metadata or {}), "ss_base_model_version": said[0], "modelspec.architecture": said[1]}
    metadata.pop("ot_config", None)
    metadata.pop("ss_sd_model_name", None)
    return Flawed(as_bytes(header_of(drawn.tensors, metadata), drawn.tensors), said[0], "says|made for|names|declares")


def _on_another(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    """Read for a model of another family that does not have all its layers in their sizes."""
    other = MODELS[int(numbers.integers(len(MODELS)))]
    if {drawn.model.name, other.name} <= {"dev", "schnell"}:
        return None
    # One layer is `to_out` in one model and `to_out.0` in another, and trainers write both alike.
    sizes = {part.target.removesuffix(".0"): (part.rows, unit.into) for unit in other.units for part in unit.parts}
    own = [(part, module.unit) for module in drawn.modules for part in module.unit.parts]
    if all(sizes.get(part.target.removesuffix(".0")) == (part.rows, unit.into) for part, unit in own):
        return None
    return Flawed(_whole(drawn), f"{drawn.model.name} on {other.name}", variant=other.name)


def _strange_pairs() -> Iterator[tuple[str, list[str], tuple[int, int]]]:
    """Layers of models that there are, and that we do not paint with: names and sizes of their linear layers."""
    sd = "lora_unet_down_blocks_{n}_attentions_0_transformer_blocks_0_attn{m}_to_{name}"
    yield "SD 1.5", [sd.format(n=n, m=m, name=name) for n in (1, 2) for m in (1, 2) for name in "qkv"], (320, 320)
    yield (
        "SDXL",
        [f"lora_unet_input_blocks_4_1_transformer_blocks_{n}_attn1_to_{name}" for n in (0, 1) for name in "qkv"],
        (640, 640),
    )
    yield (
        "SD 3.5",
        [f"transformer.transformer_blocks.{n}.attn.to_{name}" for n in range(38) for name in "qkv"],
        (2432, 2432),
    )
    yield "Wan 2.1", [f"diffusion_model.blocks.{n}.self_attn.{name}" for n in range(4) for name in "qkvo"], (5120, 5120)
    yield (
        "Qwen-Image",
        [f"transformer.transformer_blocks.{n}.attn.to_{name}" for n in range(60) for name in "qkv"],
        (3072, 3072),
    )
    yield "HunyuanVideo", [f"diffusion_model.double_blocks.{n}.img_attn_proj" for n in range(20)], (3072, 3072)
    yield (
        "LTX",
        [f"diffusion_model.transformer_blocks.{n}.attn1.to_{name}" for n in range(4) for name in "qkv"],
        (2048, 2048),
    )
    yield "FLUX.2 dev", [f"diffusion_model.single_blocks.{n}.linear2" for n in range(48)], (6144, 24576)
    yield "FLUX.2 klein 9B", [f"diffusion_model.double_blocks.{n}.img_attn.proj" for n in range(8)], (4096, 4096)
    yield "Chroma", [f"diffusion_model.distilled_guidance_layer.layers.{n}.in_layer" for n in range(5)], (5120, 5120)


def _foreign(drawn: AdapterDrawn, numbers: Numbers) -> Flawed:
    every = list(_strange_pairs())
    title, names, (rows, into) = every[int(numbers.integers(len(every)))]
    down, up = ("lora_down", "lora_up") if names[0].startswith("lora_unet") else ("lora_A", "lora_B")
    tensors = {}
    for name in names:
        tensors[f"{name}.{down}.weight"] = store(numbers.standard_normal((1, into)) * 0.02, "BF16")
        tensors[f"{name}.{up}.weight"] = store(numbers.standard_normal((rows, 1)) * 0.02, "BF16")
    return Flawed(as_bytes(header_of(tensors, None), tensors), title)


def _no_pairs(drawn: AdapterDrawn, numbers: Numbers) -> Flawed:
    """Kinds that nobody's pairs are: GLoRA, IA3, VeRA, packed SVDQuant, a merged checkpoint, a textual inversion."""
    module = "transformer.transformer_blocks.0.attn.to_q"
    choices: tuple[Mapping[str, tuple[int, ...]], ...] = (
        {f"lora_unet_double_blocks_0_img_mlp_0.{name}.weight": (4, 4) for name in ("a1", "a2", "b1", "b2")},
        {"lora_unet_double_blocks_0_img_mlp_0.weight": (12288, 1), "lora_unet_double_blocks_0_img_mlp_0.on_input": ()},
        {f"{module}.vera_lambda_b": (3072,), f"{module}.vera_lambda_d": (4,), "vera_A": (4, 3072), "vera_B": (3072, 4)},
        {"transformer_blocks.0.attn.to_q.proj_down": (3072, 4), "transformer_blocks.0.attn.to_q.proj_up": (3072, 4)},
        {"double_blocks.0.img_attn.proj.weight": (64, 64), "double_blocks.0.img_attn.proj.bias": (64,)},
        {"model.diffusion_model.double_blocks.0.img_attn.proj.weight": (64, 64)},
        {"clip_l": (4, 768), "t5": (4, 4096)},
        {"emb_params": (4, 768)},
    )
    chosen = choices[int(numbers.integers(len(choices)))]
    tensors = {name: store(numbers.standard_normal(shape) * 0.02, "F32") for name, shape in chosen.items()}
    return Flawed(as_bytes(header_of(tensors, None), tensors), next(iter(chosen)))


def _control(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    """An input of 128, for latents beside the picture's own: FLUX.1-Depth-dev-lora and those of diffusers."""
    if drawn.model.name not in {"dev", "schnell"} or drawn.writer.prefixes[0] not in {"", "transformer."}:
        return None
    if not pairs_only(drawn) or drawn.hand.down != "lora_A.weight":
        return None
    name = "img_in" if drawn.writer.naming is as_made else "x_embedder"
    module = drawn.writer.written(drawn.writer.prefixes[0], name)
    more: dict[str, Stored | None] = {
        f"{module}.lora_A.weight": store(numbers.standard_normal((2, 128)) * 0.02, "F32"),
        f"{module}.lora_B.weight": store(numbers.standard_normal((3072, 2)) * 0.02, "F32"),
    }
    return remade(drawn, module, more)


def _downloads(numbers: Numbers) -> Iterator[bytes]:
    yield json.dumps({"error": "Unauthorized", "message": "log in to download it"}).encode()
    yield b"\xef\xbb\xbf<!DOCTYPE html><html><head><title>Sign in</title></head></html>" + b" " * 4000
    yield b"<html><body>503 Service Unavailable</body></html>"
    yield b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1234\n"
    yield b""
    yield b"\x80\x04\x95" + numbers.bytes(100)
    yield b"PK\x03\x04" + numbers.bytes(200)
    yield gzip.compress(numbers.bytes(500), mtime=0)
    yield numbers.bytes(int(numbers.integers(1, 5000)))
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo("output/lora.safetensors")
        entry.size = 5000
        archive.addfile(entry, io.BytesIO(bytes(5000)))
    yield file.getvalue()


def _no_adapter(drawn: AdapterDrawn, numbers: Numbers) -> Flawed:
    every = list(_downloads(numbers))
    place = int(numbers.integers(len(every)))
    return Flawed(every[place], f"number {place}")


def _no_tensors(drawn: AdapterDrawn, numbers: Numbers) -> Flawed:
    return Flawed(as_bytes(header_of({}, drawn.metadata), {}), "no tensor")


def _same_role(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    """A matrix under two spellings of its name."""
    if not pairs_only(drawn) or drawn.hand.down != "lora_A.weight" or drawn.writer.prefixes[0] != "transformer.":
        return None
    module = drawn.modules[0]
    if drawn.writer.naming is not as_diffusers or module.unit.stack == "clip":
        return None
    key = module.keys["lora_A.weight"]
    return remade(drawn, key, {key.removesuffix(".weight"): drawn.tensors[key]})


OF_FILES = (
    Flaw("cut off", _cut_off),
    Flaw("tensors that overlap", _overlapping),
    Flaw("a bit of the header", _flipped),
    Flaw("a name said twice", _said_twice),
    Flaw("made for an altered base", _altered_base),
    Flaw("magnitudes that are said and lost", _lost_magnitudes),
    Flaw("another rank in the config", _other_rank_said),
    Flaw("an alpha of no sense in the config", _config_of_no_sense),
    Flaw("one file of two", _one_of_two),
    Flaw("a copy that differs", _other_copy),
    Flaw("copies that undo each other", _undoing_copies),
    Flaw("another base in the metadata", _other_base),
    Flaw("made for another model", _on_another),
    Flaw("made for a model that nobody here has", _foreign),
    Flaw("no kind of pairs", _no_pairs),
    Flaw("a control adapter", _control),
    Flaw("no adapter at all", _no_adapter),
    Flaw("no tensors", _no_tensors),
    Flaw("one matrix under two spellings", _same_role),
)
