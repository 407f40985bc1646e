"""The models that adapters are made for, written down from their authors' own code: layers, sizes, and what each layer
is called where.

Nothing of the product's tables is asked, so that a mistake in one of them is seen here. What trainers put before and
behind a layer's name is `writers`' part.

    FLUX.1            black-forest-labs/flux, src/flux/model.py; huggingface/diffusers, transformer_flux.py
    FLUX.2 klein 4B   black-forest-labs/flux2, src/flux2/model.py; huggingface/diffusers, transformer_flux2.py
    Z-Image           Tongyi-MAI/Z-Image; Comfy-Org/ComfyUI, comfy/ldm/lumina/model.py; huggingface/diffusers,
                      transformer_z_image.py
    CLIP, T5, Qwen3   huggingface/transformers, modeling_clip.py, modeling_t5.py and modeling_qwen3.py
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

__all__ = ["MODELS", "Model", "Norm", "Part", "Unit"]

H, Z, Z_WIDE = 3072, 3840, 10240
HEAD = 128


@dataclass(frozen=True)
class Part:
    """A layer as diffusers has it: its name there, its path in the engine, its rows."""

    name: str
    target: str
    rows: int


@dataclass(frozen=True)
class Unit:
    """A linear layer as the model's authors have it; several of diffusers' may be its rows.

    Attributes:
        name: In the authors' code.
        into: Inputs.
        parts: In row order.
        group: What it does: attn, ff, mod, embed, out.
        stack: The kind of block that it is in; empty outside the blocks.
        block: Its block's number.
        swapped: The halves of its rows change places in diffusers.
    """

    name: str
    into: int
    parts: tuple[Part, ...]
    group: str
    stack: str = ""
    block: int = 0
    swapped: bool = False

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)


@dataclass(frozen=True)
class Norm:
    """A norm of queries or keys, with 128 scales."""

    name: str
    theirs: str
    target: str
    stack: str
    block: int


@dataclass(frozen=True)
class Model:
    """One model.

    Attributes:
        name: As the product calls the variant.
        base: As its publisher calls it.
        units, norms: Of its transformer.
        encoders: Linear layers of its text encoders that adapters change, by encoder.
    """

    name: str
    base: str
    units: tuple[Unit, ...]
    norms: tuple[Norm, ...]
    encoders: dict[str, tuple[Unit, ...]]


def _one(name: str, theirs: str, target: str, size: tuple[int, int], group: str, swapped: bool = False) -> Unit:
    return Unit(name, size[1], (Part(theirs, target, size[0]),), group, swapped=swapped)


def _flux1_double(n: int) -> Iterator[Unit]:
    block = f"transformer_blocks.{n}"
    for side, letters, out, ff, norm in (
        ("img", ("to_q", "to_k", "to_v"), "to_out.0", "ff", "norm1"),
        ("txt", ("add_q_proj", "add_k_proj", "add_v_proj"), "to_add_out", "ff_context", "norm1_context"),
    ):
        own = f"double_blocks.{n}.{side}"
        attention = tuple(Part(f"{block}.attn.{name}", f"{block}.attn.{name}", H) for name in letters)
        yield Unit(f"{own}_attn.qkv", H, attention, "attn", "double", n)
        for name, theirs, ours, rows, into, group in (
            ("attn.proj", f"attn.{out}", f"attn.{out}", H, H, "attn"),
            ("mlp.0", f"{ff}.net.0.proj", f"{ff}.linear1", 4 * H, H, "ff"),
            ("mlp.2", f"{ff}.net.2", f"{ff}.linear2", H, 4 * H, "ff"),
            ("mod.lin", f"{norm}.linear", f"{norm}.linear", 6 * H, H, "mod"),
        ):
            part = Part(f"{block}.{theirs}", f"{block}.{ours}", rows)
            yield Unit(f"{own}_{name}", into, (part,), group, "double", n)


def _flux1_single(n: int) -> Iterator[Unit]:
    own, block = f"single_blocks.{n}", f"single_transformer_blocks.{n}"
    four = [("attn.to_q", H), ("attn.to_k", H), ("attn.to_v", H), ("proj_mlp", 4 * H)]
    parts = tuple(Part(f"{block}.{name}", f"{block}.{name}", rows) for name, rows in four)
    yield Unit(f"{own}.linear1", H, parts, "attn", "single", n)
    yield Unit(f"{own}.linear2", 5 * H, (Part(f"{block}.proj_out", f"{block}.proj_out", H),), "ff", "single", n)
    part = Part(f"{block}.norm.linear", f"{block}.norm.linear", 3 * H)
    yield Unit(f"{own}.modulation.lin", H, (part,), "mod", "single", n)


def _flux1_around() -> Iterator[Unit]:
    yield _one("img_in", "x_embedder", "x_embedder", (H, 64), "embed")
    yield _one("txt_in", "context_embedder", "context_embedder", (H, 4096), "embed")
    for own, theirs, into in (
        ("time_in", "timestep", 256),
        ("vector_in", "text", 768),
        ("guidance_in", "guidance", 256),
    ):
        for place, (layer, width) in enumerate((("in_layer", into), ("out_layer", H)), 1):
            path = f"time_text_embed.{theirs}_embedder.linear_{place}"
            yield _one(f"{own}.{layer}", path, path, (H, width), "embed")
    yield _one("final_layer.linear", "proj_out", "proj_out", (64, H), "out")
    yield _one("final_layer.adaLN_modulation.1", "norm_out.linear", "norm_out.linear", (2 * H, H), "out", swapped=True)


def _flux_norms(doubles: int, singles: int) -> Iterator[Norm]:
    for n in range(doubles):
        for side, infix in (("img", ""), ("txt", "added_")):
            for letter, word in (("q", "query"), ("k", "key")):
                path = f"transformer_blocks.{n}.attn.norm_{infix}{letter}"
                yield Norm(f"double_blocks.{n}.{side}_attn.norm.{word}_norm", path, path, "double", n)
    for n in range(singles):
        for letter, word in (("q", "query"), ("k", "key")):
            path = f"single_transformer_blocks.{n}.attn.norm_{letter}"
            yield Norm(f"single_blocks.{n}.norm.{word}_norm", path, path, "single", n)


def _klein_double(n: int) -> Iterator[Unit]:
    block = f"transformer_blocks.{n}"
    for side, letters, out, ours, ff in (
        ("img", ("to_q", "to_k", "to_v"), "to_out.0", "to_out", "ff"),
        ("txt", ("add_q_proj", "add_k_proj", "add_v_proj"), "to_add_out", "to_add_out", "ff_context"),
    ):
        own = f"double_blocks.{n}.{side}"
        attention = tuple(Part(f"{block}.attn.{name}", f"{block}.attn.{name}", H) for name in letters)
        yield Unit(f"{own}_attn.qkv", H, attention, "attn", "double", n)
        yield Unit(
            f"{own}_attn.proj", H, (Part(f"{block}.attn.{out}", f"{block}.attn.{ours}", H),), "attn", "double", n
        )
        for name, theirs, rows, into in (("mlp.0", "linear_in", 6 * H, H), ("mlp.2", "linear_out", H, 3 * H)):
            part = Part(f"{block}.{ff}.{theirs}", f"{block}.{ff}.{theirs}", rows)
            yield Unit(f"{own}_{name}", into, (part,), "ff", "double", n)


def _klein_single(n: int) -> Iterator[Unit]:
    block = f"single_transformer_blocks.{n}.attn"
    for name, theirs, rows, into in (("linear1", "to_qkv_mlp_proj", 9 * H, H), ("linear2", "to_out", H, 4 * H)):
        part = Part(f"{block}.{theirs}", f"{block}.{theirs}", rows)
        yield Unit(f"single_blocks.{n}.{name}", into, (part,), "attn", "single", n)


def _klein_around() -> Iterator[Unit]:
    yield _one("img_in", "x_embedder", "x_embedder", (H, 128), "embed")
    yield _one("txt_in", "context_embedder", "context_embedder", (H, 7680), "embed")
    for place, (layer, width) in enumerate((("in_layer", 256), ("out_layer", H)), 1):
        path = f"time_guidance_embed.timestep_embedder.linear_{place}"
        yield _one(f"time_in.{layer}", path, f"time_guidance_embed.linear_{place}", (H, width), "embed")
    for name, rows in (
        ("double_stream_modulation_img", 6),
        ("double_stream_modulation_txt", 6),
        ("single_stream_modulation", 3),
    ):
        yield _one(f"{name}.lin", f"{name}.linear", f"{name}.linear", (rows * H, H), "mod")
    yield _one("final_layer.linear", "proj_out", "proj_out", (128, H), "out")


def _z_block(stack: str, n: int) -> Iterator[Unit]:
    block = f"{stack}.{n}"
    names = [f"{block}.attention.to_{letter}" for letter in "qkv"]
    yield Unit(f"{block}.attention.qkv", Z, tuple(Part(name, name, Z) for name in names), "attn", stack, n)
    out = f"{block}.attention.to_out.0"
    yield Unit(f"{block}.attention.out", Z, (Part(out, out, Z),), "attn", stack, n)
    for name, rows, into in (("w1", Z_WIDE, Z), ("w2", Z, Z_WIDE), ("w3", Z_WIDE, Z)):
        path = f"{block}.feed_forward.{name}"
        yield Unit(path, into, (Part(path, path, rows),), "ff", stack, n)
    if stack != "context_refiner":
        path = f"{block}.adaLN_modulation.0"
        yield Unit(path, 256, (Part(path, path, 4 * Z),), "mod", stack, n)


_Z_STACKS = (("layers", 30), ("noise_refiner", 2), ("context_refiner", 2))


def _z_norms() -> Iterator[Norm]:
    for stack, count in _Z_STACKS:
        for n in range(count):
            for letter in "qk":
                path = f"{stack}.{n}.attention.norm_{letter}"
                yield Norm(f"{stack}.{n}.attention.{letter}_norm", path, path, stack, n)


def _clip() -> Iterator[Unit]:
    for n in range(12):
        for name, rows, into in (
            *((f"self_attn.{letter}_proj", 768, 768) for letter in ("q", "k", "v", "out")),
            ("mlp.fc1", 3072, 768),
            ("mlp.fc2", 768, 3072),
        ):
            path = f"text_model.encoder.layers.{n}.{name}"
            yield Unit(path, into, (Part(path, f"clip_text_encoder.{path}", rows),), "attn", "clip", n)


def _t5() -> Iterator[Unit]:
    for n in range(24):
        for layer, ours, name, rows, into in (
            *((0, "attention.SelfAttention", letter, 4096, 4096) for letter in "qkvo"),
            (1, "ff.DenseReluDense", "wi_0", 10240, 4096),
            (1, "ff.DenseReluDense", "wi_1", 10240, 4096),
            (1, "ff.DenseReluDense", "wo", 4096, 10240),
        ):
            path = f"encoder.block.{n}.layer.{layer}.{ours.partition('.')[2]}.{name}"
            part = Part(path, f"t5_text_encoder.t5_blocks.{n}.{ours}.{name}", rows)
            yield Unit(path, into, (part,), "attn", "t5", n)


def _qwen3(read: int) -> Iterator[Unit]:
    """Qwen3-4B as far as a model reads it: 32 heads of 128 over 8 of keys, with gates in its MLPs."""
    for n in range(read):
        for name, rows, into in (
            *((f"self_attn.{letter}_proj", size, 2560) for letter, size in (("q", 4096), ("k", 1024), ("v", 1024))),
            ("self_attn.o_proj", 2560, 4096),
            ("mlp.gate_proj", 9728, 2560),
            ("mlp.up_proj", 9728, 2560),
            ("mlp.down_proj", 2560, 9728),
        ):
            path = f"layers.{n}.{name}"
            yield Unit(path, into, (Part(path, f"qwen3_text_encoder.{path}", rows),), "attn", "qwen3", n)


@cache
def _flux1() -> tuple[Unit, ...]:
    doubles = [unit for n in range(19) for unit in _flux1_double(n)]
    return (*doubles, *(unit for n in range(38) for unit in _flux1_single(n)), *_flux1_around())


def _unguided() -> tuple[Unit, ...]:
    return tuple(unit for unit in _flux1() if not unit.name.startswith("guidance_in"))


_ENCODERS = {"clip": tuple(_clip()), "t5": tuple(_t5())}
_FLUX1_NORMS = tuple(_flux_norms(19, 38))
_KLEIN = (*(u for n in range(5) for u in _klein_double(n)), *(u for n in range(20) for u in _klein_single(n)))

MODELS = (
    Model("dev", "FLUX.1-dev", _flux1(), _FLUX1_NORMS, _ENCODERS),
    Model("schnell", "FLUX.1-schnell", _unguided(), _FLUX1_NORMS, _ENCODERS),
    Model(
        "flux2-klein-4b",
        "FLUX.2-klein-4B",
        (*_KLEIN, *_klein_around()),
        tuple(_flux_norms(5, 20)),
        {"qwen3": tuple(_qwen3(27))},
    ),
    Model(
        "z-image-turbo",
        "Z-Image-Turbo",
        tuple(unit for stack, count in _Z_STACKS for n in range(count) for unit in _z_block(stack, n)),
        tuple(_z_norms()),
        {"qwen3": tuple(_qwen3(35))},
    ),
)
