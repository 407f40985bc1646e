"""Whether the parts of a report go together. Reports come from strangers, and files are made from them.

What is checked here is what a file could not be made from, or would be made too large from, or in another place.
"""

import math
from collections.abc import Iterator, Mapping

from kilnmark.keymaps.filereport.document import FileReport, TensorGroup, UnusableReport
from kilnmark.keymaps.filereport.grouping import names_of
from kilnmark.keymaps.filereport.redaction import file_name
from kilnmark.keymaps.files.header import DIMENSION_LIMIT, HEADER_LIMIT
from kilnmark.keymaps.files.safefile import SIZE_LIMIT
from kilnmark.keymaps.files.widths import WIDTHS

__all__ = ["check_report"]

_EXPONENTS = range(-1100, 1100)
_COPIES = range(1, 5)
_MATRIX = 2


def check_report(report: FileReport) -> None:
    """Raise where no file can be made from a report.

    Raises:
        UnusableReport: With the field at fault.
    """
    names_of(report.tensors)
    problem = next(_problems(report), None)
    if problem:
        raise UnusableReport(f"no file can be made from this report: {problem}")


def _problems(report: FileReport) -> Iterator[str]:
    for name in (report.named, *report.beside):
        if name and not file_name(name):
            yield f"{name[:80]!r} is no name of a file that tools write"
    if report.size is not None and not 0 <= report.size <= SIZE_LIMIT:
        yield f"$.size is {report.size}"
    if report.header_size is not None and not 0 <= report.header_size <= HEADER_LIMIT:
        yield f"$.header_size is {report.header_size}"
    if any(entry.length < 0 for entry in report.metadata):
        yield "$.metadata has an entry of less than nothing"
    if sum(entry.length for entry in report.metadata) > HEADER_LIMIT:
        yield "$.metadata is longer than a header can be"
    for group in report.tensors:
        yield from (f"$.tensors: {group.name[:80]!r} {problem}" for problem in _of_group(group))
    if any(not _fits(part, shapes) for shapes in [_shapes(report)] for part in report.parts):
        yield "$.parts has one that is not inside the other"
    if sum(_bytes(group) for group in report.tensors) > SIZE_LIMIT:
        yield "$.tensors take more than a file can"


def _of_group(group: TensorGroup) -> Iterator[str]:
    if group.dtype not in WIDTHS:
        yield f"is of {group.dtype[:20]!r}, which is no type of numbers"
    if len(group.shape) > DIMENSION_LIMIT or any(size < 0 for size in group.shape):
        yield "has no shape"
        return
    count = math.prod(group.shape)
    if any(not 0 <= number <= count for column in (group.zeros, group.nans, group.infinite) for number in column):
        yield "counts more numbers than it has"
    if any(not math.isfinite(norm) or norm < 0 for norm in group.norms):
        yield "has a norm that is none"
    if any(number is not None and number not in _EXPONENTS for number in (*group.low, *group.high)):
        yield "has an exponent that no number has"
    if group.norms and not len(group.norms) == len(group.low) == len(group.high):
        yield "has norms without exponents"
    if any(copies not in _COPIES or not group.shape or group.shape[0] % copies for copies in group.copies):
        yield "has copies that do not fill it"
    if any(runs and not _fill(group.shape, runs) for runs in group.runs):
        yield "has runs that are not of its shape"


def _fill(shape: tuple[int, ...], runs: tuple[tuple[int, str], ...]) -> bool:
    rows = [count for count, _ in runs]
    whole = len(shape) == _MATRIX and min(rows) >= 0 and sum(rows) == shape[0]
    return whole and all(len(columns) == shape[1] for _, columns in runs)


def _shapes(report: FileReport) -> dict[int, tuple[int, ...]]:
    return {place: group.shape for group in report.tensors for place in group.places}


def _fits(part: tuple[int, int, int, int], shapes: Mapping[int, tuple[int, ...]]) -> bool:
    """A matrix inside another that is larger."""
    place, row, column, smaller = part
    outer, inner = shapes.get(place, ()), shapes.get(smaller, ())
    if len(outer) != _MATRIX or len(inner) != _MATRIX or outer == inner or min(row, column) < 0:
        return False
    return row + inner[0] <= outer[0] and column + inner[1] <= outer[1]


def _bytes(group: TensorGroup) -> int:
    return len(group.places) * math.prod(group.shape) * WIDTHS.get(group.dtype, 1)
