"""What a directory of FLUX.1 weights says it holds, read from its safetensors headers before mflux loads it.

mflux fills in whatever a directory lacks with random values and says nothing; here that is refused, or, for text
encoders that were saved with fewer blocks, told to the caller so that the surplus can be cut off.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.files.dtypes import FLOATS
from kilnmark.keymaps.files.safefile import AdapterHeader, read_header
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.family import Numbers

__all__ = ["PARTS", "Directory", "WeightsProblem", "read_directory"]

PARTS = ("transformer", "vae", "text_encoder", "text_encoder_2")
"""The folders of a FLUX.1 directory that hold weights, in diffusers' and mflux's layout alike."""

_VAE_ENCODER = "encoder."
"""Of the VAE this half stays on disk, because nothing here encodes pictures."""
_PACKED = "U32"
_MATRIX = 2
_GUIDANCE = "guidance_embedder"
_CLIP_BLOCKS = ("text_model.encoder.layers.",)
_T5_BLOCKS = ("t5_blocks.", "encoder.block.")


class WeightsProblem(Exception):
    """A directory that is no whole FLUX.1; the message says what is missing and where."""


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory's weights.

    Attributes:
        path: The directory, absolute.
        fingerprint: Hash over every file's header and size, in hex. Weights changed in place under an unchanged
            header keep it.
        guided: The transformer has the embedder that reads guidance: FLUX.1-dev, not schnell.
        clip_blocks, t5_blocks: Blocks the text encoders were saved with.
        numbers: The floating-point numbers it would hold in memory.
        packed_bytes: What it would hold beside them: matrices that were stored quantized, and stay so.
        saved_names: Tensor names by part when mflux saved the directory (they are module paths then), else empty.
    """

    path: Path
    fingerprint: str
    guided: bool
    clip_blocks: int
    t5_blocks: int
    numbers: Numbers
    packed_bytes: int
    saved_names: Mapping[str, frozenset[str]]

    def nbytes(self, quantize: int | None, number_bytes: int) -> int:
        """The memory it takes, in bytes, with arguments as `Numbers.nbytes` has them; stored bits win, as in mflux."""
        return self.packed_bytes + self.numbers.nbytes(None if self.packed_bytes else quantize, number_bytes)

    def check_name(self, variant: str) -> None:
        """Refuse the name of a variant that these weights cannot be: its steps and guidance are not theirs.

        Raises:
            WeightsProblem: with the name that fits.
        """
        if variant in VARIANTS and VARIANTS[variant].guided != self.guided:
            has, name = ("has", "dev") if self.guided else ("lacks", "schnell")
            raise WeightsProblem(
                f"{self.path} {has} the embedder that reads guidance, so it is no {variant}; name it {name}"
            )


def read_directory(path: Path) -> Directory:
    """Read the headers of all weight files.

    Raises:
        WeightsProblem: a part is missing or a file is not readable safetensors.
    """
    headers = {part: _headers(path, part) for part in PARTS}
    digest = hashlib.sha256()
    for part, files in headers.items():
        for file in files:
            digest.update(f"{part}/{Path(file.path).name}:{file.size}\n".encode())
            for name, info in file.tensors.items():
                digest.update(f"{name}:{info.dtype}:{info.shape}:{info.begin}\n".encode())
    names = {part: frozenset(name for file in files for name in file.tensors) for part, files in headers.items()}
    numbers, packed_bytes = _count(headers)
    saved_by_mflux = any("mflux_version" in file.metadata for file in headers["transformer"])
    return Directory(
        path=path,
        fingerprint=digest.hexdigest(),
        guided=any(_GUIDANCE in name for name in names["transformer"]),
        clip_blocks=_blocks(names["text_encoder"], _CLIP_BLOCKS),
        t5_blocks=_blocks(names["text_encoder_2"], _T5_BLOCKS),
        numbers=numbers,
        packed_bytes=packed_bytes,
        saved_names=names if saved_by_mflux else {},
    )


def _headers(path: Path, part: str) -> list[AdapterHeader]:
    files = sorted((path / part).glob("*.safetensors"))
    if not files:
        raise WeightsProblem(f"{path / part} holds no safetensors file; give a whole FLUX.1 directory")
    try:
        return [read_header(file) for file in files]
    except RefusedFile as error:
        raise WeightsProblem(str(error)) from error


def _count(headers: Mapping[str, Iterable[AdapterHeader]]) -> tuple[Numbers, int]:
    """The numbers, and the bytes that are stored packed."""
    matrices = others = packed_bytes = 0
    for part, files in headers.items():
        for name, info in ((name, info) for file in files for name, info in file.tensors.items()):
            if part == "vae" and name.startswith(_VAE_ENCODER):
                continue
            if info.dtype == _PACKED:
                packed_bytes += info.end - info.begin
            elif info.dtype not in FLOATS:
                continue
            elif name.endswith(".weight") and len(info.shape) == _MATRIX:
                matrices += math.prod(info.shape)
            else:
                others += math.prod(info.shape)
    return Numbers(matrices=matrices, others=others), packed_bytes


def _blocks(names: Iterable[str], prefixes: tuple[str, ...]) -> int:
    numbers = {
        int(name.removeprefix(prefix).split(".", 1)[0])
        for name in names
        for prefix in prefixes
        if name.startswith(prefix)
    }
    if numbers != set(range(len(numbers))) or not numbers:
        raise WeightsProblem(f"a text encoder has blocks {sorted(numbers)}; a whole one counts up from 0")
    return len(numbers)
