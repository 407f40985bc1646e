"""Adapter files made wrong: in what their tensors are, in what their header says of them, and in their bytes.

Each mutation takes its own random numbers and changes a `Draft` or bytes; none of them knows what a reader does.
"""

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from random import Random
from typing import Any

from kilnmark.keymaps.files.dtypes import WIDTHS
from kilnmark.keymaps.files.metadata import PEFT_METADATA

__all__ = ["BYTES", "HEADER", "TENSORS", "Draft", "Tensor", "encoded", "parsed"]


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor as it is stored; `data` has the bytes that dtype and shape ask for, unless a mutation wills it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes


@dataclass(slots=True)
class Draft:
    """A file before its bytes: what a header will say, and the tensors.

    Attributes:
        tensors: In their order.
        metadata: Whatever JSON holds.
        lies: What the header says of a tensor instead of the truth: place of the tensor, field, value.
        extra: Pieces of JSON put in among the entries of the header.
    """

    tensors: list[Tensor]
    metadata: Any
    lies: list[tuple[int, str, Any]] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)


def parsed(content: bytes) -> Draft:
    """The draft of a good file."""
    size = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + size]), content[8 + size :]
    metadata = header.pop("__metadata__", None)
    tensors = [
        Tensor(name, entry["dtype"], tuple(entry["shape"]), data[slice(*entry["data_offsets"])])
        for name, entry in header.items()
    ]
    return Draft(tensors, metadata)


def encoded(draft: Draft) -> bytes:
    """The file's bytes: every tensor behind the one before it, and then the lies."""
    entries: list[tuple[str, Any]] = []
    reached = 0
    for tensor in draft.tensors:
        offsets = [reached, reached + len(tensor.data)]
        entries.append((tensor.name, {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": offsets}))
        reached += len(tensor.data)
    for place, name, value in draft.lies:
        if place < len(entries):
            entries[place][1][name] = value
    pieces = [f"{json.dumps(name)}:{json.dumps(entry)}" for name, entry in entries]
    if draft.metadata is not None:
        pieces.insert(0, f'"__metadata__":{json.dumps(draft.metadata)}')
    header = ("{" + ",".join([*pieces, *draft.extra]) + "}").encode()
    return len(header).to_bytes(8, "little") + header + b"".join(tensor.data for tensor in draft.tensors)


NUMBERS: Sequence[Any] = (
    *(0, 1, 2, 3, 16, 3072, 9216, -1, -0.0, 0.5, 1.0, 1e308, 1e-320, 2**31, 2**32, 2**53, 2**63, 2**64, 10**400),
    *(float("nan"), float("inf"), True, False, None, "", "1", [], [1], {}, {"a": 1}),
)
WORDS = (
    *("oft_blocks", "oft_R", "oft_r", "rescale", "scaled_oft", "boft_R"),
    *("lora_A", "lora_B", "lora_down", "lora_up", "lora_a", "lora_b", "weight", "bias", "alpha", "default", "diff"),
    *("dora_scale", "lora_magnitude_vector", "hada_w1_a", "hada_w2_b", "hada_t1", "lokr_w1", "lokr_w1_a", "lokr_w2"),
    *(
        "lokr_w2_b",
        "lokr_t2",
        "oft_blocks",
        "oft_R",
        "oft_r",
        "rescale",
        "scaled_oft",
        "transformer",
        "diffusion_model",
        "lora_unet",
        "lora_te1",
        "text_encoder",
        "blocks",
    ),
    *("0", "1", "18", "19", "37", "38", "007", "²", "-1", "99999999999999999999", "", "é", "\ud800", "\U0001f525"),
    *("__metadata__", "\x00", "\n", "a" * 1025, "{block}", "qkv", "to_q", "proj_out"),
)
SPECIAL: dict[str, tuple[bytes, ...]] = {
    "F32": tuple(struct.pack("<I", bits) for bits in (0, 1, 0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 1 << 31)),
    "F16": tuple(struct.pack("<H", bits) for bits in (0, 1, 0x7BFF, 0x7C00, 0xFC00, 0x7E00, 1 << 15)),
    "BF16": tuple(struct.pack("<H", bits) for bits in (0, 1, 0x7F7F, 0x7F80, 0xFF80, 0x7FC0, 1 << 15)),
}
"""Zero, the smallest denormal, the largest number, both infinities, a NaN and minus zero."""


def _one(random: Random, draft: Draft) -> tuple[int, Tensor]:
    place = random.randrange(len(draft.tensors))
    return place, draft.tensors[place]


def _size(dtype: str, shape: Sequence[int]) -> int:
    return prod(shape) * WIDTHS[dtype]


def _sized(tensor: Tensor, dtype: str, shape: tuple[int, ...], name: str = "") -> Tensor:
    """The tensor with as many bytes as it then needs."""
    size = _size(dtype, shape)
    data = (tensor.data * (size // max(len(tensor.data), 1) + 1))[:size].ljust(size, b"\0")
    return Tensor(name or tensor.name, dtype, shape, data)


def _drop(random: Random, draft: Draft, other: Draft) -> None:
    place, _ = _one(random, draft)
    del draft.tensors[place : place + random.choice((1, 1, 1, 2, 5))]


def _shuffle(random: Random, draft: Draft, other: Draft) -> None:
    random.shuffle(draft.tensors)


def _rename(random: Random, draft: Draft, other: Draft) -> None:
    place, tensor = _one(random, draft)
    separator = random.choice("._")
    words = tensor.name.split(separator)
    at = random.randrange(len(words))
    words[at : at + random.randint(0, 2)] = [random.choice(WORDS)]
    draft.tensors[place] = Tensor(separator.join(words), tensor.dtype, tensor.shape, tensor.data)


def _rename_all(random: Random, draft: Draft, other: Draft) -> None:
    old, new = random.choice(random.choice(draft.tensors).name.split(".")), random.choice(WORDS)
    if old:
        draft.tensors = [Tensor(t.name.replace(old, new), t.dtype, t.shape, t.data) for t in draft.tensors]


def _swap_names(random: Random, draft: Draft, other: Draft) -> None:
    (place, one), (second, two) = _one(random, draft), _one(random, draft)
    draft.tensors[place] = Tensor(two.name, one.dtype, one.shape, one.data)
    draft.tensors[second] = Tensor(one.name, two.dtype, two.shape, two.data)


def _redtype(random: Random, draft: Draft, other: Draft) -> None:
    place, tensor = _one(random, draft)
    draft.tensors[place] = _sized(tensor, random.choice(list(WIDTHS)), tensor.shape)


def _redtype_all(random: Random, draft: Draft, other: Draft) -> None:
    dtype = random.choice(("F32", "F16", "BF16", "F64", "F8_E4M3", "F8_E5M2"))
    draft.tensors = [_sized(tensor, dtype, tensor.shape) for tensor in draft.tensors]


def _reshape(random: Random, draft: Draft, other: Draft) -> None:
    place, tensor = _one(random, draft)
    shape = list(tensor.shape)
    match random.randrange(6):
        case 0:
            shape.reverse()
        case 1:
            shape.insert(random.randint(0, len(shape)), random.choice((0, 1, 1, 2)))
        case 2 if shape:
            del shape[random.randrange(len(shape))]
        case 3:
            shape = [prod(shape)]
        case _ if shape:
            shape[random.randrange(len(shape))] = random.choice((0, 1, 2, 3, 4, 768, 3071, 3072, 3073, 9216, 12288))
    if _size(tensor.dtype, shape) <= 1 << 20:
        draft.tensors[place] = _sized(tensor, tensor.dtype, tuple(shape))


def _revalue(random: Random, draft: Draft, other: Draft) -> None:
    place, tensor = _one(random, draft)
    if tensor.dtype not in SPECIAL or not tensor.data:
        return
    special = random.choice(SPECIAL[tensor.dtype])
    if random.random() < 0.3:
        data = special * (len(tensor.data) // len(special))
    else:
        begin = random.randrange(len(tensor.data) // len(special)) * len(special)
        data = tensor.data[:begin] + special + tensor.data[begin + len(special) :]
    draft.tensors[place] = Tensor(tensor.name, tensor.dtype, tensor.shape, data)


def _noise(random: Random, draft: Draft, other: Draft) -> None:
    place, tensor = _one(random, draft)
    draft.tensors[place] = Tensor(tensor.name, tensor.dtype, tensor.shape, random.randbytes(len(tensor.data)))


def _splice(random: Random, draft: Draft, other: Draft) -> None:
    taken = random.sample(other.tensors, random.randint(0, len(other.tensors)))
    draft.tensors = [*draft.tensors, *taken]


def _alphas(random: Random, draft: Draft, other: Draft) -> None:
    """Every module gets an alpha of its own, of any dtype and value."""
    dtype = random.choice(list(WIDTHS))
    for module in dict.fromkeys(tensor.name.rsplit(".", random.choice((1, 2)))[0] for tensor in draft.tensors):
        data = random.choice((random.randbytes(8), b"\x00\x00\x80\x3f" * 2, bytes(8)))
        draft.tensors.append(_sized(Tensor("", dtype, (), data), dtype, random.choice(((), (1,))), f"{module}.alpha"))


def _peft(random: Random, draft: Draft, other: Draft) -> None:
    """PEFT's configuration, whole or odd."""
    component = random.choice(("transformer.", "text_encoder.", "", "a.b."))
    module = random.choice(draft.tensors).name.rsplit(".", 2)[0] if draft.tensors else "a"
    config: dict[str, Any] = {
        f"{component}r": random.choice((1, 2, 16)),
        f"{component}lora_alpha": random.choice((1, 8.0, *NUMBERS)),
        f"{component}use_rslora": random.choice((True, False, False, *NUMBERS)),
        f"{component}alpha_pattern": random.choice(
            ({}, {module: 4}, {f"^{module}": 0.5}, {"(a+)+$": 1}, {module: random.choice(NUMBERS)}, *NUMBERS)
        ),
    }
    for _ in range(random.choice((0, 0, 1, 2))):
        config.pop(random.choice(list(config)), None)
    text = random.choice((json.dumps(config),) * 4 + ("[" * 99_999, "9" * 5_000, "[]", "", "null", '{"a":', "\ud800"))
    draft.metadata = {PEFT_METADATA: text, "format": "pt"}


TENSORS: Sequence[Callable[[Random, Draft, Draft], None]] = (
    *(_drop, _shuffle, _rename, _rename_all, _swap_names, _redtype, _redtype_all, _reshape, _revalue, _noise),
    *(_splice, _alphas, _peft),
)
"""What is changed is true to its header: readers get as far as the numbers."""


def _lie(random: Random, draft: Draft, other: Draft) -> None:
    values = (*NUMBERS, *WIDTHS, "F4", "f32", "F32" * 9)
    name = random.choice(("dtype", "shape", "data_offsets", "extra"))
    draft.lies.append((_one(random, draft)[0], name, random.choice(values)))


def _lie_of_shape(random: Random, draft: Draft, other: Draft) -> None:
    place, tensor = _one(random, draft)
    shape: list[Any] = list(tensor.shape)
    shape[random.randint(0, len(shape)) :] = random.choices(NUMBERS, k=random.choice((1, 1, 2, 9, 300)))
    draft.lies.append((place, "shape", shape))


def _lie_of_offsets(random: Random, draft: Draft, other: Draft) -> None:
    place, _ = _one(random, draft)
    begin = sum(len(tensor.data) for tensor in draft.tensors[:place])
    offsets: list[Any] = [begin, begin + len(draft.tensors[place].data)]
    at = random.randrange(2)
    offsets[at] = random.choice((offsets[at] + random.choice((-8, -4, -1, 1, 4, 8)), *NUMBERS))
    draft.lies.append((place, "data_offsets", offsets))


def _say_twice(random: Random, draft: Draft, other: Draft) -> None:
    place, tensor = _one(random, draft)
    draft.tensors.insert(random.randint(place, len(draft.tensors)), tensor)


def _odd_metadata(random: Random, draft: Draft, other: Draft) -> None:
    match random.randrange(40):
        case 0:
            draft.metadata = {str(number): "" for number in range(random.choice((1_999, 2_000, 2_001)))}
        case number if number < 13:
            draft.metadata = random.choice(NUMBERS)
        case number if number < 26:
            draft.metadata = {random.choice(WORDS): random.choice((*WORDS, *NUMBERS)) for _ in range(3)}
        case _:
            draft.extra.append('"__metadata__":{}')


def _extra(random: Random, draft: Draft, other: Draft) -> None:
    pieces = ('"":{}', '"a":', '"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}', "", ",", '"a":[[[[', '"a":"}"')
    draft.extra.append(random.choice(pieces))


HEADER: Sequence[Callable[[Random, Draft, Draft], None]] = (
    *(_lie, _lie_of_shape, _lie_of_offsets, _say_twice, _odd_metadata, _extra),
)
"""What the header says is not so."""


def _flip(random: Random, content: bytes, other: bytes) -> bytes:
    """Some bits, most of them in the header."""
    changed = bytearray(content)
    size = min(8 + int.from_bytes(content[:8], "little"), len(content)) if random.random() < 0.8 else len(content)
    for _ in range(random.choice((1, 1, 2, 8)) if size else 0):
        changed[random.randrange(size)] ^= 1 << random.randrange(8)
    return bytes(changed)


def _write_over(random: Random, content: bytes, other: bytes) -> bytes:
    """Some bytes of the header go, and other ones of JSON come."""
    begin = random.randint(8, max(8, min(8 + int.from_bytes(content[:8], "little"), len(content))))
    new = random.choice((*b'{}[]",:\\0-e.\x00\xff \n', *(b"null", b"NaN", b"1e3", b"\\u0041", b"\\ud800", b"-0")))
    new = bytes([new]) if isinstance(new, int) else new
    changed = content[:begin] + new + content[begin + random.randint(0, 3) :]
    return _claiming(changed, len(changed) - len(content)) if random.random() < 0.7 else changed


def _claiming(content: bytes, more: int) -> bytes:
    size = (int.from_bytes(content[:8], "little") + more) % (1 << 64)
    return size.to_bytes(8, "little") + content[8:]


def _claim(random: Random, content: bytes, other: bytes) -> bytes:
    return _claiming(content, random.choice((-8, -1, 1, 2, 8, 1 << 20, 1 << 23, 1 << 40, -(1 << 20), 1 << 63)))


def _cut(random: Random, content: bytes, other: bytes) -> bytes:
    return content[: random.choice((random.randint(0, len(content)), random.randint(0, 99), len(content) - 1))]


def _append(random: Random, content: bytes, other: bytes) -> bytes:
    return content + random.randbytes(random.choice((1, 4, 8, 100)))


def _cross(random: Random, content: bytes, other: bytes) -> bytes:
    return content[: random.randint(0, len(content))] + other[random.randint(0, len(other)) :]


def _cross_bodies(random: Random, content: bytes, other: bytes) -> bytes:
    """One file's header before the other one's data."""
    head, tail = (8 + int.from_bytes(one[:8], "little") for one in (content, other))
    return content[:head] + other[tail:]


def _mistake(random: Random, content: bytes, other: bytes) -> bytes:
    """Something else stands before the file, or in the place of its first bytes."""
    begin = random.choice(
        (
            *(
                b"PK\x03\x04",
                b"\x80\x02",
                b"GGUF",
                b"\x1f\x8b\x08\0",
                b"\xef\xbb\xbf<html><title>",
                b"\0" * 16,
                b"\xff\xfe",
            ),
            *(
                b'{"error":"',
                b'{"message":"\\u00',
                b"<?xml><Error><Message>",
                b"version https://git-lfs",
                b"[[[[" * 40,
                b"\xff\xfe",
            ),
        )
    )
    return begin + content[random.choice((0, len(begin))) :]


BYTES: Sequence[Callable[[Random, bytes, bytes], bytes]] = (
    *(_flip, _write_over, _claim, _cut, _append, _cross, _cross_bodies, _mistake),
)
"""What the bytes are is nobody's intention."""
