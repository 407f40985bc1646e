"""Headers: what is refused, what is taken, and that the safetensors library never thinks otherwise of what is taken."""

import json
import tracemalloc
from typing import Any

import pytest
import safetensors
from hypothesis import given, settings
from hypothesis import strategies as st

from kilnmark.keymaps.errors import UnsafeFile
from kilnmark.keymaps.files.header import HEADER_LIMIT, header_size, parse_header
from kilnmark.keymaps.files.header_text import METADATA_LIMIT, TENSOR_LIMIT

Entry = dict[str, Any]

GOOD: dict[str, Entry] = {
    "__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
    "b": {"dtype": "F16", "shape": [4], "data_offsets": [16, 24]},
    "c": {"dtype": "F32", "shape": [], "data_offsets": [24, 28]},
    "d": {"dtype": "F32", "shape": [0, 7], "data_offsets": [28, 28]},
}


def entry(**changes: object) -> Entry:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}


def encoded(header: object) -> bytes:
    return json.dumps(header).encode()


def test_a_good_header_keeps_names_shapes_places_and_order() -> None:
    header = parse_header("a", encoded(GOOD), 28)
    assert list(header.tensors) == ["a", "b", "c", "d"]
    assert header.tensors["b"].shape == (4,)
    assert (header.tensors["b"].begin, header.tensors["b"].end) == (16, 24)
    assert header.metadata == {"format": "pt"}


def test_padding_behind_the_json_is_allowed() -> None:
    assert len(parse_header("a", encoded(GOOD) + b"  \n", 28).tensors) == 4


def test_an_empty_header_has_no_tensors() -> None:
    assert not parse_header("a", b"{}", 0).tensors


BAD: dict[str, tuple[object, int, str, str | None]] = {
    "unknown dtype": ({"k": entry(dtype="Q4")}, 8, "unknown dtype 'Q4'", "k"),
    "dtype that is no string": ({"k": entry(dtype=[1])}, 8, "unknown dtype", "k"),
    "shape that is no list": ({"k": entry(shape=2)}, 8, "shape is not", "k"),
    "fraction in the shape": ({"k": entry(shape=[2.0])}, 8, "shape is not", "k"),
    "truth value in the shape": ({"k": entry(shape=[True, 2])}, 8, "shape is not", "k"),
    "negative size": ({"k": entry(shape=[-2])}, 8, "shape is not", "k"),
    "endless list": ({"k": entry(shape=[1] * 100_000)}, 8, "more than 512 bytes", "k"),
    "object inside": ({"k": entry(shape={})}, 8, "exactly dtype, shape and data_offsets", "k"),
    "object deep inside": ({"k": {"dtype": {"k": {}}}}, 8, "exactly dtype, shape and data_offsets", "k"),
    "nine dimensions": ({"k": entry(shape=[1] * 8 + [2])}, 8, "shape is not", "k"),
    "overflowing shape": ({"k": entry(shape=[2**62, 4])}, 8, "overflows", "k"),
    "overflow behind a zero": ({"k": entry(shape=[0, 2**62, 4], data_offsets=[0, 0])}, 0, "overflows", "k"),
    "shape larger than its bytes": ({"k": entry(shape=[3])}, 8, "needs 12 bytes", "k"),
    "shape smaller than its bytes": ({"k": entry(shape=[1])}, 8, "needs 4 bytes", "k"),
    "offsets one backwards": ({"k": entry(data_offsets=[8, 7])}, 8, "data_offsets are not", "k"),
    "like the one before it, and longer": ({"a": entry(), "k": entry(data_offsets=[8, 17])}, 17, "needs 8 bytes", "k"),
    "like the one before it, and backwards": ({"a": entry(), "k": entry(data_offsets=[8, 7])}, 8, "are not", "k"),
    "offsets backwards": ({"k": entry(data_offsets=[8, 0])}, 8, "data_offsets are not", "k"),
    "three offsets": ({"k": entry(data_offsets=[0, 8, 8])}, 8, "data_offsets are not", "k"),
    "negative offset": ({"k": entry(data_offsets=[-8, 0])}, 8, "data_offsets are not", "k"),
    "field missing": ({"k": {"dtype": "F32", "shape": [2]}}, 8, "exactly dtype, shape and data_offsets", "k"),
    "field too many": ({"k": entry(extra=1)}, 8, "exactly dtype, shape and data_offsets", "k"),
    "tensor that is no object": ({"k": 5}, 8, "exactly dtype, shape and data_offsets", "k"),
    "gap at the start": ({"k": entry(data_offsets=[4, 12])}, 12, "leaves a gap", "k"),
    "gap between": ({"j": entry(), "k": entry(data_offsets=[12, 20])}, 20, "leaves a gap", "k"),
    "overlap": ({"j": entry(), "k": entry(data_offsets=[4, 12])}, 12, "overlaps", "k"),
    "the same place twice": ({"j": entry(), "k": entry()}, 8, "overlaps", "k"),
    "cut off": ({"k": entry()}, 7, "the file is cut off", "k"),
    "trailing bytes": ({"k": entry()}, 11, "3 bytes follow the last tensor", None),
    "metadata with a number": ({"__metadata__": {"a": 1}}, 0, "strings to strings", "__metadata__"),
    "metadata that is no object": ({"__metadata__": "a"}, 0, "strings to strings", "__metadata__"),
    "too many entries of metadata": (
        {"__metadata__": {str(number): "" for number in range(2_001)}},
        0,
        "more than 2000 entries",
        "__metadata__",
    ),
    "name of metadata far too long": ({"__metadata__": {"k" * 7000: "a"}}, 0, "does not end within 6146 bytes", None),
    "name far too long": ({"k" * 7000: entry()}, 8, "does not end within 6146 bytes", None),
    "endless name": ({"k" * 2000: entry()}, 8, "more than 1024 bytes", "k" * 2000),
    "name that is no text": ({"\ud800": entry()}, 8, "not safe JSON", None),
    "metadata that is no text": ({"__metadata__": {"a": "\ud800"}}, 0, "not safe JSON", None),
}


@pytest.mark.parametrize("separators", [(", ", ": "), (",", ":")], ids=["spaced", "as the library writes it"])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_header_is_refused_with_its_key_and_a_mend(name: str, separators: tuple[str, str]) -> None:
    header, size, problem, key = BAD[name]
    with pytest.raises(UnsafeFile, match=problem) as caught:
        parse_header("/loras/a.safetensors", json.dumps(header, separators=separators).encode(), size)
    assert caught.value.key == key
    assert any(verb in caught.value.mend for verb in ("export", "fetch"))
    assert "/loras/a.safetensors" in str(caught.value)


NOT_JSON = {
    "an array": b"[1]",
    "leading space": b" {}",
    "byte order mark": b"\xef\xbb\xbf{}",
    "bad UTF-8": b'{"\xff": 1}',
    "a minus zero": b'{"a": {"dtype": "F32", "shape": [-0], "data_offsets": [0, 0]}}',
    "half an object": b'{"a": ',
    "half an object in an object": b'{"a": {',
    "a name alone": b'{"a"}',
    "no comma": b'{"__metadata__": {} "a": {}}',
    "a comma too many": b'{"__metadata__": {},}',
    "a comma too many in the metadata": b'{"__metadata__": {"a": "b",}}',
    "a line break in a name": b'{"a\n": 1}',
    "a line break in the metadata": b'{"__metadata__": {"a": "\n"}}',
    "a form feed for a space": b'{\x0c"__metadata__": {}}',
    "bad UTF-8 in the metadata": b'{"__metadata__": {"a": "\xff"}}',
    "bad UTF-8 in a tensor": b'{"a": {"dtype": "\xff", "shape": [], "data_offsets": [0, 0]}}',
    "a form feed behind the object": b"{} \x0c ",
    "a line tabulation behind the object": b"{}\x0b",
    "bytes that are no JSON behind the object": b"{}\x00",
    "two objects": b"{}{}",
    "a number of ten thousand digits": b'{"a": ' + b"9" * 10_000 + b"}",
    "a hundred thousand brackets": b'{"a": ' + b"[" * 100_000,
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_no_json_object_is_refused(name: str) -> None:
    with pytest.raises(UnsafeFile, match=r"header|must have exactly dtype"):
        parse_header("a", NOT_JSON[name], 0)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"k": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "k": {}}',
        b'{"j": {"dtype": "F32", "shape": [2], "k": 1, "k": 2, "data_offsets": [0, 8]}}',
        b'{"k": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "\\u006b": {}}',
        b'{"__metadata__": {"k": "a", "\\u006b": "b"}}',
    ],
)
def test_a_name_said_twice_is_refused(raw: bytes) -> None:
    with pytest.raises(UnsafeFile, match="names this twice") as caught:
        parse_header("a", raw, 8)
    assert caught.value.key == "k"


def test_metadata_said_twice_is_refused() -> None:
    with pytest.raises(UnsafeFile, match="names this twice") as caught:
        parse_header("a", b'{"__metadata__": {}, "__metadata__": {}}', 0)
    assert caught.value.key == "__metadata__"


@pytest.mark.parametrize("ascii_only", [False, True])
def test_names_and_metadata_keep_their_characters_however_they_are_written(ascii_only: bool) -> None:
    good = {"__metadata__": {'"é"\n': "\x7f\u2028\U0001f525{}"}, "Ã©\U0001f525": entry()}
    raw = json.dumps(good, ensure_ascii=ascii_only).encode()
    header = parse_header("a", raw, 8)
    assert header.metadata == good["__metadata__"]
    assert list(header.tensors) == ["Ã©\U0001f525"]
    agrees_with_the_library(raw, bytes(8))


def test_a_field_said_with_a_colon_in_it_is_no_repetition() -> None:
    with pytest.raises(UnsafeFile, match="unknown dtype ':'"):
        parse_header("a", encoded({"k": entry(dtype=":")}), 8)


@pytest.mark.parametrize("metadata", [{"__metadata__": {}}, {}])
def test_the_limit_of_tensors_is_exact(metadata: dict[str, Entry]) -> None:
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    most = metadata | {str(number): empty for number in range(TENSOR_LIMIT)}
    assert len(parse_header("a", encoded(most), 0).tensors) == TENSOR_LIMIT
    with pytest.raises(UnsafeFile, match=r"more than 8000 tensors.*not a whole model"):
        parse_header("a", encoded(most | {"one more": empty}), 0)


def test_four_hundred_thousand_tensors_are_refused_before_they_fill_the_memory() -> None:
    one = b'"%06d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    raw = b"{" + b",".join(one % number for number in range(400_000)) + b"}"
    tracemalloc.start()
    try:
        with pytest.raises(UnsafeFile, match="more than 8000 tensors"):
            parse_header("a", raw, 0)
        assert tracemalloc.get_traced_memory()[1] < 3 * len(raw)
    finally:
        tracemalloc.stop()


def test_a_claimed_header_beyond_the_limit_is_refused() -> None:
    head = (HEADER_LIMIT + 1).to_bytes(8, "little") + b"{"
    with pytest.raises(UnsafeFile, match="claims a header"):
        header_size("a", head, 1 << 40)


def test_a_header_that_begins_like_a_pickle_is_still_a_header() -> None:
    raw = encoded(GOOD).ljust(0x0280)
    assert header_size("a", len(raw).to_bytes(8, "little") + raw[:56], 8 + len(raw) + 28) == 0x0280


def test_the_longest_entries_of_too_much_metadata_are_kept_as_their_beginnings() -> None:
    captions, trainer = '"é' * METADATA_LIMIT, 'kohya "sd-scripts"'
    entries = {"captions": captions, "trainer": trainer, "alpha": "4", "half": '"' * (METADATA_LIMIT // 4)}
    raw = json.dumps({"__metadata__": entries}, ensure_ascii=False).encode()
    header = parse_header("a", raw, 0)
    assert list(header.metadata) == list(entries)
    assert header.long == {"captions": 4 * METADATA_LIMIT + 2}
    assert header.metadata["captions"].startswith('"é"é"é')
    assert header.metadata["captions"].endswith(f"... ({4 * METADATA_LIMIT + 2} bytes)")
    assert len(header.metadata["captions"]) < 300
    assert {name: header.metadata[name] for name in header.metadata if name != "captions"} == {
        name: text for name, text in entries.items() if name != "captions"
    }


SMALL = st.sampled_from([0, 1, 2, 4, 8, 12, 16, 24, 28, -1, 2**31, 2**63, True, 1.0, None, "2"])
ENTRIES = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "F16", "BF16", "U8", "I64", "F8_E4M3", "BOOL", "F4", "f32", "", 3]),
        "shape": st.lists(SMALL, max_size=4),
        "data_offsets": st.lists(SMALL, min_size=1, max_size=3),
    }
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["a", "b", "é", "", "__metadata__"]), ENTRIES, max_size=3), st.binary(max_size=32)
)
def test_invented_headers_are_refused_or_mean_what_the_library_reads(header: dict[str, Entry], data: bytes) -> None:
    agrees_with_the_library(encoded(header), data)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_headers_are_refused_or_mean_what_the_library_reads(draw: st.DataObject) -> None:
    raw = bytearray(encoded(GOOD))
    for _ in range(draw.draw(st.integers(1, 3))):
        place = draw.draw(st.integers(0, len(raw) - 1))
        raw[place : place + draw.draw(st.integers(0, 3))] = draw.draw(st.binary(max_size=3))
    agrees_with_the_library(bytes(raw), bytes(range(28)))


def agrees_with_the_library(raw: bytes, data: bytes) -> None:
    """Any error but the documented one fails the test; so does a file that only we would read."""
    try:
        found = parse_header("a", raw, len(data)).tensors
    except UnsafeFile:
        return
    read = dict(safetensors.deserialize(len(raw).to_bytes(8, "little") + raw + data))  # type: ignore[no-untyped-call]
    assert read.keys() == found.keys()
    for name, info in found.items():
        assert read[name]["dtype"] == info.dtype
        assert tuple(read[name]["shape"]) == info.shape
        assert bytes(read[name]["data"]) == data[info.begin : info.end]
