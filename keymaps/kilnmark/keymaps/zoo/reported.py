"""A file made from a report on another one: the same names, shapes, types and zeros, norms near the true ones.

Its numbers are drawn at random, and it says so. It is for whoever gets a report and has not got the file.
"""

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.filereport.check import check_report
from kilnmark.keymaps.filereport.document import FileReport, Run, TensorGroup
from kilnmark.keymaps.filereport.grouping import names_in
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.files.dtypes import F8_TABLES, NUMPY, WIDTHS, to_bfloat16
from kilnmark.keymaps.files.header import PREFIX
from kilnmark.keymaps.files.mistaken import example_of
from kilnmark.keymaps.files.roots import AnyPath

__all__ = ["make_reported"]

_UNMEASURED = 1e-3
"""Root mean square of numbers of which nothing is known."""
_BELOW = 1 - 2.0**-8
"""What keeps a number below a power of two when it is rounded to few digits."""

_NO_HEADER = b"\xff" * PREFIX
"""The beginning of a file that claims more of a header than any file has."""

Floats = NDArray[np.float64]


def make_reported(path: AnyPath, report: FileReport, *, seed: int = 0) -> Path:
    """Write a file that is like the one a report tells of.

    Files beside it, such as PEFT's config, are written too. The same arguments give the same bytes.

    Args:
        path: Where to; an existing file is replaced. Where the report knows the file's name, it gets that.
        report: As `read_report` has it.
        seed: Of the random numbers.

    Returns:
        The path of the file.

    Raises:
        UnusableReport: Its parts do not go together.
    """
    check_report(report)
    goal = Path(path).with_name(report.named) if report.named else Path(path)
    with written_whole(goal) as file:
        if report.tensors or report.header_size is not None:
            file.write(_header(report))
            draw = _Draw(report, seed)
            for tensor in draw.tensors:
                file.write(_bytes(draw.numbers(tensor), tensor.group.dtype))
        else:
            file.write(example_of(report.mistaken) or (_NO_HEADER if report.size else b""))
        if report.size is not None:
            file.truncate(report.size)
    for name, text in report.beside.items():
        goal.with_name(name).write_text(text, encoding="utf-8")
    return goal


@dataclass(frozen=True, slots=True)
class _Tensor:
    """One tensor of a report: `at` is its place in the lists of its group, `place` that in the file."""

    name: str
    group: TensorGroup
    at: int
    place: int


def _tensors(groups: Sequence[TensorGroup]) -> list[_Tensor]:
    found = [_Tensor(name, group, at, group.places[at]) for group in groups for at, name in enumerate(names_in(group))]
    return sorted(found, key=lambda tensor: tensor.place)


def _header(report: FileReport) -> bytes:
    """As long as the true one was, if it has room for what is known of it."""
    header: dict[str, object] = {}
    if report.metadata:
        header["__metadata__"] = {
            entry.name or f"left out {place}": "x" * entry.length if entry.value is None else entry.value
            for place, entry in enumerate(report.metadata)
        }
    begin = 0
    for tensor in _tensors(report.tensors):
        dtype, shape = tensor.group.dtype, tensor.group.shape
        end = begin + math.prod(shape) * WIDTHS[dtype]
        header[tensor.name] = {"dtype": dtype, "shape": shape, "data_offsets": (begin, end)}
        begin = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text = text.ljust(report.header_size or 0)
    return len(text).to_bytes(PREFIX, "little") + text


class _Draw:
    """The numbers of a report's tensors: equal ones get the same, and so do parts of larger ones."""

    def __init__(self, report: FileReport, seed: int) -> None:
        self.tensors = _tensors(report.tensors)
        self._seed = seed
        self._same = {place: equal[0] for equal in report.equal for place in equal}
        self._drawn: dict[int, Floats] = {}
        self._parts: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for place, *part in report.parts:
            self._parts[place].append((part[0], part[1], part[2]))

    def numbers(self, tensor: _Tensor) -> Floats:
        """Of one tensor, flat."""
        same = self._same.get(tensor.place, tensor.place)
        numbers = _numbers(tensor, np.random.default_rng([self._seed, same]))
        for row, column, place in self._parts.get(tensor.place, ()):
            part = self.tensors[place]
            height, width = part.group.shape
            whole = numbers.reshape(tensor.group.shape)
            if place not in self._drawn:
                self._drawn[place] = self.numbers(part)
            whole[row : row + height, column : column + width] = self._drawn[place].reshape(height, width)
        return numbers


def _bytes(numbers: Floats, dtype: str) -> bytes:
    """As they are stored."""
    if dtype == "BF16":
        return to_bfloat16(numbers.astype(np.float32)).tobytes()
    if dtype in F8_TABLES:
        return _nearest_codes(numbers, dtype).tobytes()
    with np.errstate(invalid="ignore"):
        return numbers.astype(NUMPY[dtype]).tobytes()


def _numbers(tensor: _Tensor, drawn: np.random.Generator) -> Floats:
    group, at = tensor.group, tensor.at
    if group.copies and group.copies[at] > 1:
        return np.tile(_numbers(_one_copy(tensor), drawn), group.copies[at])
    count = math.prod(group.shape)
    value = group.values[at] if group.values else None
    if value is not None:
        return np.full(count, value)
    numbers = drawn.standard_normal(count)
    if not group.norms:
        return numbers * _UNMEASURED
    present = _present(group, at, count)
    numbers[~present] = 0.0
    return _with_odd(_scaled(numbers, present, group, at), group, at)


def _one_copy(tensor: _Tensor) -> _Tensor:
    """The rows that stand in it several times, once."""
    group, at = tensor.group, tensor.at
    copies = group.copies[at]
    parts = {name: tuple(n // copies for n in getattr(group, name)) for name in ("zeros", "nans", "infinite")}
    norms = tuple(norm / math.sqrt(copies) for norm in group.norms)
    shape = (group.shape[0] // copies, *group.shape[1:])
    single = msgspec.structs.replace(group, shape=shape, copies=(), runs=(), norms=norms, **parts)
    return replace(tensor, group=single)


def _present(group: TensorGroup, at: int, count: int) -> NDArray[np.bool_]:
    """Which numbers are not zero: by the runs, or else the last ones."""
    runs = group.runs[at] if group.runs else ()
    if runs:
        rows = [np.tile(_columns_of(run), (run[0], 1)) for run in runs]
        return np.concatenate(rows).reshape(-1)
    present = np.ones(count, bool)
    present[: group.zeros[at] if group.zeros else 0] = False
    return present


def _columns_of(run: Run) -> NDArray[np.bool_]:
    return np.array([column == "1" for column in run[1]])


def _scaled(numbers: Floats, present: NDArray[np.bool_], group: TensorGroup, at: int) -> Floats:
    """With the norm, and between the smallest and the largest size."""
    norm = float(np.linalg.norm(numbers))
    scaled = numbers * (group.norms[at] / norm if norm else 0.0)
    low, high = group.low[at], group.high[at]
    if low is None or high is None:
        return scaled
    sizes = np.clip(np.abs(scaled), 2.0**low, 2.0 ** (high + 1) * _BELOW)
    return np.where(present, np.copysign(sizes, numbers), 0.0)


def _with_odd(numbers: Floats, group: TensorGroup, at: int) -> Floats:
    """With as many that are not finite, at the end."""
    nans, infinite = (column[at] if column else 0 for column in (group.nans, group.infinite))
    end = numbers.size
    numbers[end - nans - infinite : end - nans] = np.inf
    numbers[end - nans : end] = np.nan
    return numbers


def _nearest_codes(numbers: Floats, dtype: str) -> NDArray[np.uint8]:
    table = F8_TABLES[dtype].astype(np.float64)
    codes = np.flatnonzero(np.isfinite(table))
    order = codes[np.argsort(table[codes], kind="stable")]
    places = np.clip(np.searchsorted(table[order], numbers), 0, order.size - 1)
    return order[places].astype(np.uint8)
