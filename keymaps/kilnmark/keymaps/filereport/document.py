"""The document of `kilnmark lora report`: its fields, and how it is read again.

Whoever makes one must be able to give it away, and whoever gets one to make a file of the same names from it. What may
stand in a field is `redaction`'s to say, which tensors make a group `grouping`'s.
"""

import msgspec

from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.printable import printable_json
from kilnmark.protocol.wire.inspection import Nearest

__all__ = ["FORMAT", "FileReport", "MetadataEntry", "Run", "TensorGroup", "UnusableReport", "read_report", "text_of"]

FORMAT = 1


class UnusableReport(KilnmarkError):
    """What was given is no report on a file, or one of another form."""


class MetadataEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of a header's metadata.

    Attributes:
        length: Characters of its value.
        name: Empty where it does not look like the name of a field.
        value: What of it is known to be harmless; None for nothing.
    """

    length: int
    name: str = ""
    value: str | None = None


Run = tuple[int, str]
"""Rows that follow each other, and for every column whether it is zero in all of them (`0`) or in none (`1`)."""


class TensorGroup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tensors whose names differ in numbers alone. Every list has an item a tensor, or is empty where all are usual.

    Attributes:
        name: Their name; `#` stands where their numbers differ.
        numbers: In place of each `#`, for each tensor; empty for a single tensor whose name is as it stands.
        places: In the header, counted from 0.
        dtype, shape: As stored.
        taken: What the reader took them for.
        norms: Frobenius norm of each, not counting what is not finite; empty when they were not measured.
        low, high: Exponents of the number nearest to zero and of the largest, 2**low <= |x| < 2**(high + 1).
        zeros: Numbers that are zero; empty for none.
        nans, infinite: Numbers that are not finite; empty for none.
        values: The value that all numbers of a tensor have, None for several; empty for several in each.
        runs: Which columns are zero in which rows, for tensors that are zero in part and in few such runs.
        copies: How often the same rows stand in it, one below the other; empty where it is once in each.
    """

    name: str
    numbers: tuple[tuple[int, ...], ...] = ()
    places: tuple[int, ...]
    dtype: str
    shape: tuple[int, ...]
    taken: str
    norms: tuple[float, ...] = ()
    low: tuple[int | None, ...] = ()
    high: tuple[int | None, ...] = ()
    zeros: tuple[int, ...] = ()
    nans: tuple[int, ...] = ()
    infinite: tuple[int, ...] = ()
    values: tuple[float | None, ...] = ()
    runs: tuple[tuple[Run, ...], ...] = ()
    copies: tuple[int, ...] = ()


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """One file.

    Attributes:
        report: The form of this document.
        kilnmark: The version that made it.
        variant: The base that the file was held against.
        named: The file's name, where it is one that tools give; empty for others.
        size: Of the file, in bytes.
        header_size: Of its header, in bytes; None where there is none.
        mistaken: What it is instead of a safetensors file; empty when it is one, or nothing known.
        verdict, reason, convention, kind, rank, total_key_count, matched_key_count, ignored_keys, target_count,
            applied_target_count, nearest: As those of an inspection. The reason has no paths, and no words of the file
            but those of its names.
        unmatched_key_count: Tensors nothing is known about.
        metadata: The entries of the header, in its order.
        beside: Files beside it that say how it is meant, by name, each without what may be private.
        names_sha256: Hash of all names in their order, a zero byte between them.
        tensors: Every tensor, in groups.
        equal: Places of tensors with the same bytes, shape and type.
        parts: Tensors that stand in larger ones: the place of the larger, the first row and column there, and the place
            of the smaller.
    """

    report: int = FORMAT
    kilnmark: str
    variant: str
    named: str
    size: int | None
    header_size: int | None
    mistaken: str
    verdict: Verdict
    reason: str
    convention: str
    kind: str
    rank: int
    total_key_count: int
    matched_key_count: int
    ignored_keys: dict[str, int]
    unmatched_key_count: int
    target_count: int
    applied_target_count: int
    nearest: Nearest | None
    metadata: tuple[MetadataEntry, ...]
    beside: dict[str, str]
    names_sha256: str
    tensors: tuple[TensorGroup, ...]
    equal: tuple[tuple[int, ...], ...]
    parts: tuple[tuple[int, int, int, int], ...]


def read_report(text: str | bytes) -> FileReport:
    """Read a document again.

    Raises:
        UnusableReport: It is none, or of a form that this version does not know.
    """
    try:
        report = msgspec.json.decode(text, type=FileReport)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UnusableReport(f"not a report of `kilnmark lora report`: {error}") from error
    if report.report != FORMAT:
        raise UnusableReport(f"a report of form {report.report}, and this version reads form {FORMAT}; update kilnmark")
    return report


def text_of(report: FileReport) -> str:
    """The document, with a line for each field and for each group of tensors."""
    lines = [f"{_json(name)}: {_lines(getattr(report, name))}" for name in report.__struct_fields__]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _lines(value: object) -> str:
    """Structs in a list have a line each."""
    if isinstance(value, tuple) and value and isinstance(value[0], msgspec.Struct):
        return "[\n" + ",\n".join(f" {_json(item)}" for item in value) + "\n]"
    return _json(value)


def _json(value: object) -> str:
    return printable_json(value)
