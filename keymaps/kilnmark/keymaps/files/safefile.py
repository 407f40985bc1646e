"""One adapter file, opened once, read once, and the same file from beginning to end.

The bytes that are hashed are the bytes that are checked are the bytes that are applied: nothing is opened a second
time, and a file that is changed or exchanged meanwhile is refused.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.beside import CONFIG, NeighbourConfig, adapter_hash, config_beside, located
from kilnmark.keymaps.files.header import HEAD, PREFIX, Header, TensorInfo, header_size, parse_header
from kilnmark.keymaps.files.opened import OpenFile, fill, opened
from kilnmark.keymaps.files.roots import AnyPath, locate
from kilnmark.keymaps.files.widths import FLOATS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "SIZE_LIMIT",
    "AdapterFile",
    "AdapterHeader",
    "locate",
    "read_config",
    "read_file",
    "read_header",
]

SIZE_LIMIT = 8 << 30
"""Largest file read, in bytes: the file is held in memory whole."""

CONFIG_LIMIT = 1 << 20
"""Largest config read, in bytes; PEFT's have 1000, and a pattern for each of a model's layers makes 50 000."""

_HASHING = ThreadPoolExecutor(1, "hash")
"""Hashing lets Python go on, and takes as long as all that is made of a file."""
_CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class AdapterHeader:
    """What a file says it holds; its tensor bytes were not read and it was not hashed. `size` is in bytes."""

    path: str
    size: int
    metadata: Mapping[str, str]
    tensors: Mapping[str, TensorInfo]


@dataclass(frozen=True, slots=True, eq=False)
class AdapterFile:
    """A checked safetensors file, whole in memory.

    Attributes:
        path: What it is known by: absolute, symbolic links resolved, as `located` has it.
        size: In bytes.
        metadata: The header's `__metadata__`; of entries too long to be kept, what they begin with.
        long: The names of those, with their bytes.
        tensors: Name to place, in the header's order.
        data: The bytes behind the header, read-only.
        digest: Of all its bytes, under way.
        config: The one that goes with it; None without one.
    """

    path: str
    size: int
    metadata: Mapping[str, str]
    long: Mapping[str, int]
    tensors: Mapping[str, TensorInfo]
    data: "NDArray[np.uint8]"
    digest: "Future[str]"
    config: NeighbourConfig | None = None

    @property
    def sha256(self) -> str:
        """As `adapter_hash` has it: computed beside what is made of the bytes, and waited for here."""
        return adapter_hash(self.path, self.digest.result(), self.config.sha256 if self.config else "")

    def array(self, name: str) -> "NDArray[np.float32]":
        """A tensor in its stored shape: a view of the file where it is stored as F32, else converted.

        Raises:
            UnfitAdapter: It holds whole numbers or truth values, which no weight matrix does.
        """
        info = self.tensors[name]
        if info.dtype not in FLOATS:
            mend = "store weights as floating-point numbers"
            raise UnfitAdapter(self.path, f"holds {info.dtype}, which is no weight", mend, key=name)
        return self._numbers(info)

    def is_zero(self, name: str) -> bool:
        """Whether all numbers of a tensor are zero; one that is none is not.

        Raises:
            UnfitAdapter: As `array` does.
        """
        import numpy as np

        with np.errstate(invalid="ignore"):  # a signalling NaN, as it stands in the file
            return not self.array(name).any()

    def scalar(self, name: str) -> float:
        """A tensor of one number, of any dtype.

        Raises:
            UnfitAdapter: It holds more than one number, or none.
        """
        info = self.tensors[name]
        numbers = self._numbers(info)
        if numbers.size != 1:
            problem = f"must be one number, but has shape {list(info.shape)}"
            raise UnfitAdapter(self.path, problem, "store one number a layer", key=name)
        return float(numbers.reshape(-1)[0])

    def _numbers(self, info: TensorInfo) -> "NDArray[np.float32]":
        from kilnmark.keymaps.files.dtypes import as_float32

        numbers = as_float32(self.data[info.begin : info.end], info.dtype).reshape(info.shape)
        numbers.flags.writeable = False
        return numbers


def read_file(path: AnyPath, roots: Sequence[AnyPath] | None = None, *, size_limit: int = SIZE_LIMIT) -> AdapterFile:
    """Read and check a whole adapter file.

    Args:
        path: Absolute, or relative to one of the roots.
        roots: Directories that adapters may be read from; None allows every place.
        size_limit: In bytes.

    Raises:
        RefusedFile: One of its subclasses, with the reason and the mend.
    """
    import numpy as np

    known_by = str(located(path, roots))
    config = read_config(known_by, roots)
    with opened(known_by, roots, size_limit) as source:
        raw, header = _read_header(source)
        data = np.empty(source.size - PREFIX - len(raw), np.uint8)
        view = data.data
        for begin in range(0, len(view), _CHUNK):
            fill(source, view[begin : begin + _CHUNK])
    data.flags.writeable = False
    digest = _HASHING.submit(_digest, raw, data)
    return AdapterFile(known_by, source.size, header.metadata, header.long, header.tensors, data, digest, config)


def read_config(path: AnyPath, roots: Sequence[AnyPath] | None = None) -> NeighbourConfig | None:
    """Read the config that goes with an adapter file, by the rules of the file itself; None without one.

    Raises:
        RefusedFile: It is no regular file, is too large, or lies where it may not be read.
    """
    beside = config_beside(path)
    if beside is None:
        return None
    with opened(beside, roots, CONFIG_LIMIT, f"leave nothing but PEFT's config under the name of {CONFIG}") as source:
        data = bytearray(source.size)
        fill(source, memoryview(data))
    return NeighbourConfig(source.path, bytes(data), hashlib.sha256(data).hexdigest())


def _digest(raw: bytearray, data: "NDArray[np.uint8]") -> str:
    digest = hashlib.sha256(len(raw).to_bytes(PREFIX, "little"))
    digest.update(raw)
    digest.update(data.data)
    return digest.hexdigest()


def read_header(path: AnyPath, roots: Sequence[AnyPath] | None = None) -> AdapterHeader:
    """Read and check the header alone, of a file of any size and in time that does not depend on it.

    Arguments and errors are those of `read_file`.
    """
    known_by = str(located(path, roots))
    read_config(known_by, roots)
    with opened(known_by, roots, None) as source:
        _, header = _read_header(source)
    return AdapterHeader(known_by, source.size, header.metadata, header.tensors)


def _read_header(source: OpenFile) -> tuple[bytearray, Header]:
    """The header's own bytes, without its length before them, and what they say."""
    head = bytearray(min(HEAD, source.size))
    fill(source, memoryview(head))
    size = header_size(source.path, bytes(head), source.size)
    raw = bytearray(size)
    os.lseek(source.descriptor, PREFIX, os.SEEK_SET)
    fill(source, memoryview(raw))
    return raw, parse_header(source.path, raw, source.size - PREFIX - size)
