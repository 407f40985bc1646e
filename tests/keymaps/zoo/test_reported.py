"""A file made from a report alone is read, judged and refused as the file that the report tells of."""

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
from safetensors.numpy import load_file

from kilnmark.keymaps.filereport.document import FileReport, MetadataEntry, UnusableReport, read_report, text_of
from kilnmark.keymaps.filereport.make import report_file
from kilnmark.keymaps.files.dtypes import WIDTHS
from kilnmark.keymaps.files.safefile import read_file
from kilnmark.keymaps.zoo.reported import make_reported
from kilnmark.keymaps.zoo.write import make_adapter, write_tensors
from kilnmark.keymaps.zoo.zoo import EXHIBITS, Exhibit, write_exhibit
from kilnmark.protocol.picture.report import Verdict

OF_NUMBERS = ("tensors", "metadata", "beside", "reason")
"""Fields that say how the numbers are, or what is written beside them."""


SAID = re.compile(r"\('[^']*'\)")
MEASURED = re.compile(
    r"[0-9.]+(?:e[+-]?[0-9]+)?%|[0-9.]+e[+-]?[0-9]+|(?<=; at scale )[0-9.]+|[0-9.]+(?= times the size)"
)


def again(report: FileReport, folder: Path) -> FileReport:
    """The report on a file that was made from a report."""
    folder.mkdir()
    return report_file(make_reported(folder / "made.safetensors", read_report(text_of(report))), report.variant)


def without_numbers(report: FileReport) -> dict[str, object]:
    """All of it, but of what was measured, and of what the file says of its base, only that it was."""
    told: dict[str, object] = {
        name: getattr(report, name) for name in report.__struct_fields__ if name not in OF_NUMBERS
    }
    return {**told, "reason": SAID.sub("('...')", MEASURED.sub("<n>", report.reason))}


OF_COPIES = {"zimage-twice", "zimage-twice-otherwise", "two-conventions-otherwise"}
"""Whether copies do the same, only numbers tell, which a report leaves out."""


@pytest.mark.parametrize(
    "exhibit", [each for each in EXHIBITS if each.name not in OF_COPIES], ids=lambda each: each.name
)
def test_every_exhibit_is_judged_alike_from_its_report(tmp_path: Path, exhibit: Exhibit) -> None:
    path = write_exhibit(tmp_path / "exhibit.safetensors", exhibit, rank=1, blocks=1, dtype="F16")
    report = report_file(path, exhibit.variant)
    made = again(report, tmp_path / "made")
    assert without_numbers(made) == without_numbers(report)
    assert [(group.name, group.taken) for group in made.tensors] == [
        (group.name, group.taken) for group in report.tensors
    ]
    assert [group.zeros for group in made.tensors] == [group.zeros for group in report.tensors]


NO_ADAPTERS = {
    "a page": b"<!DOCTYPE html><html><title>Sign in</title><p>To download this, sign in.</p></html>",
    "a page with a mark": b"\xef\xbb\xbf<html><title>Sign in</title></html>",
    "an error": b'{"error": "Unauthorized", "message": "sign in first"}',
    "a pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
    "a pickle": b"\x80\x04\x95" + bytes(90),
    "a tar": bytes(257).replace(b"\0", b"a", 1) + b"ustar\x0000" + bytes(248),
    "a note": b"I wrote this by hand, a long time ago.",
    "nothing": b"",
    "the beginning of a header": (375).to_bytes(8, "little") + b'{"__',
}


@pytest.mark.parametrize("name", NO_ADAPTERS)
def test_what_is_no_adapter_is_called_the_same(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(NO_ADAPTERS[name])
    report = report_file(path, "dev")
    assert without_numbers(again(report, tmp_path / "made")) == without_numbers(report)


BASES = {
    "ss_base_model_version": "flux_2_klein_4b",
    "modelspec.architecture": "Flux.2-klein-4b/lora",
    "base_model": "Qwen/Qwen-Image",
    "ot_config": '{"model_type": "CHROMA_1", "base_model_name": "/home/me/xl"}',
}


@pytest.mark.parametrize("entry", BASES)
def test_what_a_file_says_of_its_base_is_held_against_the_base_there_too(tmp_path: Path, entry: str) -> None:
    pair = "lora_unet_double_blocks_0_img_attn_proj"
    numbers = np.random.default_rng(0)
    tensors = {
        f"{pair}.lora_down.weight": numbers.standard_normal((2, 3072), np.float32),
        f"{pair}.lora_up.weight": numbers.standard_normal((3072, 2), np.float32) * np.float32(0.01),
    }
    path = write_tensors(tmp_path / "a.safetensors", tensors, metadata={entry: BASES[entry]})
    report = report_file(path, "dev")
    assert report.verdict is Verdict.PARTIAL
    assert without_numbers(again(report, tmp_path / "made")) == without_numbers(report)


@pytest.mark.parametrize("size", [0, 7, 8, 10, 1000])
def test_a_file_whose_header_is_no_length_of_any_has_none_there(tmp_path: Path, size: int) -> None:
    source = tmp_path / "source.safetensors"
    source.write_bytes(b"\xc9\x0c\0\0\x08\0\0\0".ljust(size, b"{")[:size])
    report = report_file(source, "dev")
    again = report_file(make_reported(tmp_path / "made.safetensors", report), "dev")
    assert (again.header_size, again.size, again.verdict) == (report.header_size, size, "refused")
    assert report.header_size is None


def test_norms_are_near_the_true_ones(tmp_path: Path) -> None:
    report = report_file(make_adapter(tmp_path / "a.safetensors", rank=2, blocks=1), "dev")
    made = again(report, tmp_path / "made")
    norms, true = (np.array([norm for group in each.tensors for norm in group.norms]) for each in (made, report))
    assert np.all(np.abs(norms / true - 1) < 1e-3)


@pytest.mark.parametrize("dtype", WIDTHS)
def test_every_type_of_numbers_can_be_made(tmp_path: Path, dtype: str) -> None:
    report = report_file(write_tensors(tmp_path / "a.safetensors", {"a": np.ones((2, 3), np.float32)}), "dev")
    [group] = report.tensors
    mixed = msgspec.structs.replace(group, dtype=dtype, values=(), norms=(4.0,), low=(-2,), high=(2,), zeros=(2,))
    sized = msgspec.structs.replace(report, tensors=(mixed,), size=None)
    file = read_file(make_reported(tmp_path / "b.safetensors", sized))
    assert (file.tensors["a"].dtype, file.tensors["a"].shape) == (dtype, (2, 3))


def test_what_is_not_finite_is_not_finite_there(tmp_path: Path) -> None:
    odd = {"a": np.array([[0, 1, np.nan, np.inf, 2, -5]], np.float32)}
    path = make_reported(tmp_path / "b", report_file(write_tensors(tmp_path / "a.safetensors", odd), "dev"))
    made = load_file(path)["a"]
    assert [int(np.isnan(made).sum()), int(np.isinf(made).sum()), int((made == 0).sum())] == [1, 1, 1]


def test_the_same_report_gives_the_same_bytes(tmp_path: Path) -> None:
    report = report_file(make_adapter(tmp_path / "a.safetensors", rank=1, blocks=1), "dev")
    one, same, other = (make_reported(tmp_path / f"{n}", report, seed=seed) for n, seed in enumerate((1, 1, 2)))
    assert one.read_bytes() == same.read_bytes() != other.read_bytes()


def test_a_name_that_tools_give_and_a_config_beside_come_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "trained"
    folder.mkdir()
    path = write_tensors(folder / "adapter_model.safetensors", {"a": np.ones((2, 2), np.float32)})
    (folder / "adapter_config.json").write_text('{"r": 2, "lora_alpha": 4}')
    made = make_reported(tmp_path / "made.safetensors", report_file(path, "dev"))
    assert made.name == "adapter_model.safetensors"
    assert made.with_name("adapter_config.json").read_text() == '{"r": 2, "lora_alpha": 4}'


WRONG_PARTS: dict[str, dict[str, object]] = {
    "type": {"dtype": "F7"},
    "size": {"shape": (1 << 40,)},
    "shape": {"shape": (-1, 2)},
    "places": {"places": (1,)},
    "runs": {"runs": (((1, "10"),),)},
    "zeros": {"zeros": (5,)},
    "norm": {"norms": (-1.0,)},
    "exponent": {"high": (1 << 20,)},
    "exponents": {"high": ()},
    "copies": {"copies": (3,)},
}
WRONG: dict[str, dict[str, object]] = {
    "file": {"size": 1 << 60},
    "header": {"header_size": 1 << 60},
    "name": {"named": "../.bashrc"},
    "beside": {"beside": {".bashrc": "words"}},
    "parts": {"parts": ((0, 0, 0, 0),)},
    "other parts": {"parts": ((0, 0, 0, 7),)},
    "metadata": {"metadata": (MetadataEntry(1 << 60, "format"),)},
}


@pytest.mark.parametrize("part", [*WRONG_PARTS, *WRONG])
def test_a_report_whose_parts_do_not_go_together_makes_no_file(tmp_path: Path, part: str) -> None:
    numbers = np.arange(4, dtype=np.float32).reshape(2, 2)
    report = report_file(write_tensors(tmp_path / "a.safetensors", {"a": numbers}), "dev")
    [group] = report.tensors
    wrong = WRONG.get(part) or {"tensors": (msgspec.structs.replace(group, **WRONG_PARTS[part]),)}
    with pytest.raises(UnusableReport):
        make_reported(tmp_path / "b.safetensors", msgspec.structs.replace(report, **wrong))
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]
