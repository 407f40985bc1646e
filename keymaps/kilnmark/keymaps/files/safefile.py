"""One adapter file, opened once, read once, and the same file from beginning to end.

The bytes that are hashed are the bytes that are checked are the bytes that are applied: nothing is opened a second
time, and a file that is changed or exchanged meanwhile is refused.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilnmark.keymaps.errors import MissingFile, UnfitAdapter, UnsafeFile
from kilnmark.keymaps.files.beside import CONFIG, NeighbourConfig, config_beside, hash_of_both, located
from kilnmark.keymaps.files.header import HEAD, PREFIX, Header, TensorInfo, header_size, parse_header
from kilnmark.keymaps.files.roots import AnyPath, locate
from kilnmark.keymaps.files.widths import FLOATS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SIZE_LIMIT", "AdapterFile", "AdapterHeader", "locate", "read_config", "read_file", "read_header"]

SIZE_LIMIT = 8 << 30
"""Largest file read, in bytes: the file is held in memory whole."""

CONFIG_LIMIT = 1 << 20
"""Largest config read, in bytes; PEFT's have 1000, and a pattern for each of a model's layers makes 50 000."""

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_HASHING = ThreadPoolExecutor(1, "hash")
"""Hashing lets Python go on, and takes as long as all that is made of a file."""
_CHUNK = 1 << 22
_NO_MODEL = "give an adapter, not a whole model"
_AGAIN = "wait until it is written and try again"
_ELSEWHERE = "check the disk or network that it lies on, or copy it to another"


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
        """Of all its bytes, and of the config's, in hex: computed beside what is made of them, and waited for here."""
        return hash_of_both(self.digest.result(), self.config.sha256 if self.config else "")

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
    with _opened(known_by, roots, size_limit) as source:
        raw, header = _read_header(source)
        data = np.empty(source.size - PREFIX - len(raw), np.uint8)
        view = data.data
        for begin in range(0, len(view), _CHUNK):
            _fill(source, view[begin : begin + _CHUNK])
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
    with _opened(beside, roots, CONFIG_LIMIT, f"leave nothing but PEFT's config under the name of {CONFIG}") as source:
        data = bytearray(source.size)
        _fill(source, memoryview(data))
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
    with _opened(known_by, roots, None) as source:
        _, header = _read_header(source)
    return AdapterHeader(known_by, source.size, header.metadata, header.tensors)


@dataclass(frozen=True, slots=True)
class _Source:
    descriptor: int
    path: str
    size: int


@contextmanager
def _opened(
    path: AnyPath,
    roots: Sequence[AnyPath] | None,
    size_limit: int | None,
    mend: str = _NO_MODEL,
) -> Iterator[_Source]:
    """A regular file below a root, which is the same and unchanged at the end."""
    resolved = str(locate(path, roots))
    descriptor = _open(resolved)
    try:
        before = _check_regular(resolved, os.fstat(descriptor))
        _check_identity(resolved, before)
        if size_limit is not None and before.st_size > size_limit:
            problem = f"has {before.st_size} bytes, more than the {size_limit} allowed"
            raise UnsafeFile(resolved, problem, mend)
        yield _Source(descriptor, resolved, before.st_size)
        if _state(os.fstat(descriptor)) != _state(before):
            raise UnsafeFile(resolved, "was changed while it was read", _AGAIN)
    except OSError as error:
        raise UnsafeFile(resolved, f"cannot be read ({error.strerror})", _ELSEWHERE) from error
    finally:
        os.close(descriptor)


def _open(resolved: str) -> int:
    try:
        # Opening some devices has effects of its own, so the kind is looked at before and after.
        _check_regular(resolved, os.lstat(resolved))
        return os.open(resolved, _FLAGS)
    except FileNotFoundError as error:
        raise MissingFile(resolved, "no such file", "check the path") from error
    except OSError as error:
        problem = f"cannot be opened ({error.strerror})"
        raise UnsafeFile(resolved, problem, "give a regular file that this user may read") from error


def _check_regular(resolved: str, found: os.stat_result) -> os.stat_result:
    if not stat.S_ISREG(found.st_mode):
        kind = next((kind for test, kind in _KINDS if test(found.st_mode)), "no regular file")
        raise UnsafeFile(resolved, f"is {kind}", "give the path of a safetensors file")
    return found


_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISLNK, "a symbolic link put there meanwhile"),
)


def _check_identity(resolved: str, opened: os.stat_result) -> None:
    """What was opened must be what the resolved path names, with no link on the way: not something put in between."""
    try:
        named = os.lstat(resolved)
        same_place = os.path.realpath(resolved, strict=True) == resolved
    except OSError as error:
        raise UnsafeFile(resolved, "was moved while it was opened", _AGAIN) from error
    if not same_place or (named.st_dev, named.st_ino) != (opened.st_dev, opened.st_ino):
        raise UnsafeFile(resolved, "was exchanged for another while it was opened", _AGAIN)


def _state(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _read_header(source: _Source) -> tuple[bytearray, Header]:
    """The header's own bytes, without its length before them, and what they say."""
    head = bytearray(min(HEAD, source.size))
    _fill(source, memoryview(head))
    size = header_size(source.path, bytes(head), source.size)
    raw = bytearray(size)
    os.lseek(source.descriptor, PREFIX, os.SEEK_SET)
    _fill(source, memoryview(raw))
    return raw, parse_header(source.path, raw, source.size - PREFIX - size)


def _fill(source: _Source, view: memoryview) -> None:
    filled = 0
    while filled < len(view):
        count = _read_into(source.descriptor, view[filled:])
        if count == 0:
            raise UnsafeFile(source.path, "was cut short while it was read", _AGAIN)
        filled += count


def _read_into(descriptor: int, view: memoryview) -> int:
    return os.readv(descriptor, [view])
