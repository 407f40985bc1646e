"""What is no safetensors file is told for what it is, with the mend that fits and with what it says itself."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import tarfile
import zipfile
from pathlib import Path

import pytest

from kilnmark.keymaps.documents import parse_document
from kilnmark.keymaps.errors import UnsafeFile
from kilnmark.keymaps.files.header import HEAD
from kilnmark.keymaps.files.mistaken import _Kinds, _kinds, example_of, kind_of, what_it_is
from kilnmark.keymaps.files.safefile import read_header


def tarred(name: str) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    return content.getvalue()


def zipped(name: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, bytes(99))
    return content.getvalue()


SIGN_IN = "The creator of this asset requires you to be logged in to download it"
S3 = "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
UNPACK, AGAIN = "unpack it, and give the safetensors file inside", "download it again"

BEGINNINGS: dict[str, tuple[bytes, str, str]] = {
    "a checkpoint": (zipped("archive/data.pkl"), "a PyTorch checkpoint (a zip of pickles)", "as safetensors"),
    "a zip": (zipped("lora/ink.safetensors"), "a zip archive", UNPACK),
    "an empty zip": (b"PK\x05\x06" + bytes(18), "a zip archive", UNPACK),
    "a checkpoint of before 2020": (
        pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2) + b"\x80\x02M",
        "a PyTorch checkpoint of the old kind",
        "as safetensors",
    ),
    "a pickle": (pickle.dumps({"w": [1.0]}), "a pickle, which can run code", "as safetensors"),
    "a GGUF file": (b"GGUF\x03\0\0\0" + bytes(99), "a GGUF file", "as safetensors"),
    "a gzip": (gzip.compress(b"weights" * 99), "a gzip archive", UNPACK),
    "a bzip2": (bz2.compress(b"weights" * 99), "a bzip2 archive", UNPACK),
    "an xz": (lzma.compress(b"weights" * 99), "an xz archive", UNPACK),
    "a zstd": (b"\x28\xb5\x2f\xfd\x04\x00" + bytes(99), "a zstd archive", UNPACK),
    "a 7z": (b"7z\xbc\xaf\x27\x1c\0\x04" + bytes(99), "a 7z archive", UNPACK),
    "a rar": (b"Rar!\x1a\x07\x01\0" + bytes(99), "a rar archive", UNPACK),
    "a trainer's tar": (tarred("output/flux_train_replicate/lora.safetensors"), "a tar archive", UNPACK),
    "a PNG": (b"\x89PNG\r\n\x1a\n" + bytes(99), "a PNG picture", "own safetensors file"),
    "a JPEG": (b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(99), "a JPEG picture", "own safetensors file"),
    "a WebP": (b"RIFF\x24\0\0\0WEBPVP8 " + bytes(99), "a WebP picture", "own safetensors file"),
    "a video": (b"\0\0\0\x20ftypisom" + bytes(99), "a video", "own safetensors file"),
    "an aria2 control file": (b"\0\x01\0\0\0\0\0\0\0\0\0\x10\0\0" + bytes(99), "an aria2 download", "finish"),
    "reserved space": (bytes(HEAD), "begins with nothing but zeros", "finish the download"),
    "an LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n", "Git LFS", "git lfs pull"),
    "a shortcut": (b"[InternetShortcut]\r\nURL=https://civitai.com\r\n", "a link", AGAIN),
    "a server's JSON": (
        json.dumps({"error": "Unauthorized", "message": SIGN_IN}).encode(),
        f"a server's error message (JSON), saved under the adapter's name; it says '{SIGN_IN}'",
        AGAIN,
    ),
    "nested JSON": (b'{"error":{"code":401,"message":"No \\u201ctoken\\u201d"}}', "it says 'No “token”'", AGAIN),
    "an error of one word": (b'{"error":"Repository not found"}', "it says 'Repository not found'", AGAIN),
    "an index": (b'{"metadata":{},"weight_map":{"a":"b"}}', "the index of a file in several parts", "own"),
    "a configuration": (b'{"peft_type":"LORA","r":4}', "an adapter's configuration", "own safetensors file"),
    "a workflow": (b'[{"nodes":1}]', "is JSON text", AGAIN),
    "a storage's XML": (S3.encode(), "a storage server's error message (XML)", AGAIN),
    "what that says": (S3.encode(), "it says 'Request has expired'", AGAIN),
    "a page": (b"\n<!DOCTYPE html><html><head><title>Sign\n in &amp; up</title>", "a web page", AGAIN),
    "what a page says": (b"<!DOCTYPE html><html><title>Sign\n in &amp; up</title>", "it says 'Sign in & up'", AGAIN),
    "a page with a mark": (b"\xef\xbb\xbf<!DOCTYPE html>" + b" " * 5000, "a web page", AGAIN),
    "words": (b"Invalid username or password.", "text, not a safetensors file; it says 'Invalid username", AGAIN),
    "words of PowerShell's": ("\ufeffEntry not found".encode("utf-16-le"), "it says 'Entry not found'", AGAIN),
    "words cut within a sign": (b"a" + ("é" * HEAD).encode(), "it says 'aéé", AGAIN),
}


@pytest.mark.parametrize("name", BEGINNINGS)
def test_a_file_is_told_for_what_it_is(name: str, tmp_path: Path) -> None:
    content, problem, mend = BEGINNINGS[name]
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(UnsafeFile) as caught:
        read_header(tmp_path / "a.safetensors")
    assert problem in caught.value.problem
    assert mend in caught.value.mend


def test_every_kind_of_the_document_is_shown_by_a_file() -> None:
    shown = {found.problem.partition("; it says")[0] for file in BEGINNINGS.values() if (found := what_it_is(file[0]))}
    unshown = {kind.what for kind in _kinds().kinds} - shown
    assert unshown == {
        "is a GIF picture",
        "is a PDF document",
        "is an HDF5 file",
        "is a numpy array",
        "is a torrent, not the file that it leads to",
    }


def test_what_a_file_says_is_cut_and_printable() -> None:
    found = what_it_is(b'{"message":"' + b"a\\u0007" * 250 + b'"}')
    assert found is not None
    assert f"it says '{'a' * 50}'" in found.problem
    assert len(found.problem) < 300
    assert found.problem.isprintable()


def test_noise_is_nothing_known() -> None:
    assert what_it_is(b"\xaa\xbb\xcc" * 99) is None


def test_a_kind_that_nothing_tells_is_no_kind() -> None:
    with pytest.raises(ValueError, match="nothing tells it"):
        parse_document(_Kinds, "{mends: {again: a}, kinds: [{what: is a thing, mend: again}]}")
    with pytest.raises(ValueError, match="its mend is none of"):
        parse_document(_Kinds, "{mends: {again: a}, kinds: [{what: is a thing, mend: once, words: [a]}]}")


def test_a_file_can_be_made_of_every_kind() -> None:
    kinds = [kind.what for kind in _kinds().kinds] + ["is text, not a safetensors file"]
    assert [kind for kind in kinds if kind_of(example_of(kind)) != kind] == []
