"""A report on a file says what is wrong with it to whoever has not got it, and nothing that is nobody's business."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.keymaps.errors import MissingFile
from kilnmark.keymaps.filereport.document import FileReport, UnusableReport, read_report, text_of
from kilnmark.keymaps.filereport.grouping import names_of
from kilnmark.keymaps.filereport.make import report_file
from kilnmark.keymaps.files.safefile import read_header
from kilnmark.keymaps.zoo.write import make_adapter, write_tensors
from kilnmark.protocol.picture.report import Verdict

SECRET = "Zephyrine"
"""Stands wherever somebody's words may stand; whatever case it comes in, it must not come out."""
PHOTO = "/9j/4AAQSkZJRg" + SECRET * 50
QKV = "lora_unet_double_blocks_0_img_attn_qkv"


def tensors(**others: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    numbers = np.random.default_rng(3)
    return {
        f"{QKV}.lora_down.weight": numbers.standard_normal((2, 3072), np.float32),
        f"{QKV}.lora_up.weight": numbers.standard_normal((9216, 2), np.float32),
        f"{QKV}.alpha": np.asarray(np.float32(2)),
        **others,
    }


CONFIG = {
    "peft_type": "LORA",
    "r": 16,
    "lora_alpha": 32.0,
    "use_rslora": True,
    "base_model_name_or_path": f"/home/{SECRET}/flux",
    "target_modules": ["to_q", SECRET],
    "alpha_pattern": {"img_attn": 4, SECRET: 8},
    "auto_mapping": {"parent_library": SECRET},
    "init_lora_weights": SECRET,
    "revision": SECRET,
    SECRET: 1,
}
METADATA = {
    "format": "pt",
    "ss_network_module": "networks.lora_flux",
    "ss_network_dim": "16",
    "ss_network_alpha": SECRET,
    "ss_base_model_version": "flux1",
    "ss_output_name": f"{SECRET}_v3",
    "ss_sd_model_name": f"C:\\Users\\{SECRET}\\flux.safetensors",
    "ss_tag_frequency": json.dumps({f"10_{SECRET}": {f"{SECRET} smiling": 12}}),
    "ss_datasets": json.dumps([{"subsets": [{"image_dir": f"/data/{SECRET}", "class_tokens": SECRET}]}]),
    "ss_network_args": json.dumps({"preset": SECRET, "factor": 8, "algo": f"{SECRET}.lokr"}),
    "ss_sample_prompts": f"a portrait of {SECRET} in a garden",
    "modelspec.title": SECRET,
    "modelspec.architecture": "flux-1-dev/lora",
    "modelspec.thumbnail": f"data:image/jpeg;base64,{PHOTO}",
    "modelspec.author": SECRET,
    "lora_adapter_metadata": json.dumps({f"transformer.{name}": value for name, value in CONFIG.items()}),
    "software": json.dumps({"name": "ai-toolkit", "repo": f"https://example.org/{SECRET}", "version": "0.7.2"}),
    "training_info": json.dumps({"step": 1200, "epoch": 3, "prompt": SECRET}),
    f"C:\\train\\{SECRET}": "a path for a name",
    f"{SECRET} speaks": "words for a name",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder that is called like somebody."""
    folder = tmp_path / f"home of {SECRET}" / "my pictures"
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps(CONFIG))
    return folder


def told(path: Path, variant: str = "dev") -> FileReport:
    report = report_file(path, variant)
    text = text_of(report)
    assert SECRET.lower() not in text.lower()
    assert str(path.parent.name) not in text
    assert read_report(text) == report
    return report


def with_config(path: Path, text: str) -> None:
    write_tensors(path, tensors(), metadata=METADATA)
    (path.parent / "adapter_config.json").write_text(text)


OTHER_WORDS = (25).to_bytes(8, "little") + b'{"Zephyrine": "Zephyrine"}'

FILES: dict[str, Callable[[Path], object]] = {
    "healthy": lambda path: write_tensors(path, tensors(), metadata=METADATA),
    "dead": lambda path: make_adapter(path, "kohya", rank=1, blocks=1, dead=True),
    "unknown": lambda path: make_adapter(path, "unknown", rank=1, blocks=1),
    "half a pair": lambda path: write_tensors(
        path, {name: matrix for name, matrix in tensors().items() if "up" not in name}, metadata=METADATA
    ),
    "a config that is none": lambda path: write_tensors(
        path,
        {
            name.replace("lora_unet_double_blocks_0_img_attn_qkv", "transformer.x_embedder"): matrix
            for name, matrix in tensors().items()
        },
        metadata={"lora_adapter_metadata": f'{{"lora_alpha": "{SECRET}", "{SECRET}'},
    ),
    "cut off": lambda path: path.write_bytes(write_tensors(path, tensors(), metadata=METADATA).read_bytes()[:-1000]),
    "a config beside that is none": lambda path: with_config(path, f'{{"lora_alpha": "{SECRET}", "{SECRET}'),
    "a config of a person": lambda path: with_config(
        path, json.dumps({"r": 2, "lora_alpha": SECRET, "peft_type": SECRET})
    ),
    "a base of a person": lambda path: write_tensors(
        path, tensors(), metadata={"ss_base_model_version": f"sdxl {SECRET}", "base_model": f"qwen/{SECRET}"}
    ),
    "a page": lambda path: path.write_text(f"<!DOCTYPE html><html><title>{SECRET}, sign in</title>"),
    "an error": lambda path: path.write_text(json.dumps({"detail": f"no token of {SECRET}"})),
    "a note": lambda path: path.write_text(f"{SECRET} wrote this by hand, with a few more words"),
    "nothing": lambda path: path.write_bytes(b""),
    "a header of other words": lambda path: path.write_bytes(OTHER_WORDS),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("variant", ["dev", "z-image-turbo"])
def test_nobodys_words_are_told(home: Path, name: str, variant: str) -> None:
    path = home / f"{SECRET} as an elf-{SECRET.lower()}.safetensors"
    FILES[name](path)
    assert told(path, variant).reason


def test_the_other_parts_of_a_file_are_not_named_and_which_it_is_is_told(home: Path) -> None:
    path = home / f"{SECRET} as an elf-00001-of-00003.safetensors"
    write_tensors(path, tensors())
    assert told(path).named == "model-00001-of-00003.safetensors"


def test_names_are_told_as_they_stand_because_they_are_the_point(tmp_path: Path) -> None:
    path = write_tensors(tmp_path / "a.safetensors", {f"{QKV}.lora_A.{SECRET}.weight": np.ones((2, 3072), np.float32)})
    assert SECRET in text_of(report_file(path, "dev"))


def test_words_and_numbers_of_programs_are_told(home: Path) -> None:
    report = told(write_tensors(home / "ink.safetensors", tensors(), metadata=METADATA))
    values = {entry.name: entry.value for entry in report.metadata if entry.value is not None}
    documents = {name: json.loads(values.pop(name)) for name in ("lora_adapter_metadata", "software", "training_info")}
    assert documents["software"] == {"name": "ai-toolkit", "version": "0.7.2"}
    assert documents["training_info"] == {"step": 1200, "epoch": 3}
    assert documents["lora_adapter_metadata"] == {
        "transformer.peft_type": "LORA",
        "transformer.r": 16,
        "transformer.lora_alpha": 32.0,
        "transformer.use_rslora": True,
        "transformer.base_model_name_or_path": "flux",
        "transformer.target_modules": [],
        "transformer.alpha_pattern": {"img_attn": 4},
    }
    assert json.loads(report.beside["adapter_config.json"])["lora_alpha"] == 32
    assert json.loads(values.pop("ss_network_args")) == {"factor": 8}
    assert values == {
        "format": "pt",
        "ss_network_module": "networks.lora_flux",
        "ss_network_dim": "16",
        "ss_base_model_version": "flux1",
        "modelspec.architecture": "flux-1-dev/lora",
    }
    lengths = {entry.name: entry.length for entry in report.metadata}
    assert lengths["modelspec.thumbnail"] == len(METADATA["modelspec.thumbnail"])
    assert sum(entry.name == "" for entry in report.metadata) == 2


def test_numbers_of_a_tensor_are_summed_up(tmp_path: Path) -> None:
    odd = np.array([[0, -3, 4], [0, np.nan, np.inf]], np.float32)
    path = write_tensors(tmp_path / "a.safetensors", {"odd": odd, "ones": np.ones((2, 2), np.float32)})
    first, second = report_file(path, "dev").tensors
    assert (first.norms, first.low, first.high, first.zeros) == ((5.0,), (1,), (2,), (2,))
    assert (first.nans, first.infinite, first.values) == ((1,), (1,), ())
    assert (second.values, second.zeros) == ((1.0,), ())


def test_columns_that_are_zero_in_some_rows_are_told(tmp_path: Path) -> None:
    blocks = np.array([[2, 0], [3, 0], [0, 2], [0, 3]], np.float32)
    [group] = report_file(write_tensors(tmp_path / "a.safetensors", {"up": blocks}), "dev").tensors
    assert group.runs == (((2, "10"), (2, "01")),)


def test_equal_tensors_are_told(tmp_path: Path) -> None:
    one, other = np.arange(6, dtype=np.float32).reshape(2, 3), np.arange(6, 12, dtype=np.float32).reshape(2, 3)
    path = write_tensors(tmp_path / "a.safetensors", {"a": one, "b": other, "c": one, "d": np.ones_like(one)})
    assert report_file(path, "dev").equal == ((0, 2),)


def test_tensors_inside_larger_ones_are_told(tmp_path: Path) -> None:
    one, other = np.arange(1, 7, dtype=np.float32).reshape(2, 3), np.arange(7, 13, dtype=np.float32).reshape(2, 3)
    zeros = np.zeros((2, 3), np.float32)
    both = {"a": one, "b": other, "c": np.concatenate([other, one]), "d": np.block([[one, zeros], [zeros, other]])}
    report = report_file(write_tensors(tmp_path / "a.safetensors", both), "dev")
    assert set(report.parts) == {(2, 0, 0, 1), (2, 2, 0, 0), (3, 0, 0, 0), (3, 2, 3, 1)}


def test_each_key_says_what_it_was_taken_for(tmp_path: Path) -> None:
    path = write_tensors(tmp_path / "a.safetensors", tensors(velvet=np.ones(1, np.float32)))
    taken = {group.name: group.taken for group in report_file(path, "dev").tensors}
    assert taken == {
        f"{QKV}.lora_down.weight": "down (kohya)",
        f"{QKV}.lora_up.weight": "up (kohya)",
        f"{QKV}.alpha": "alpha (kohya)",
        "velvet": "unknown",
    }


def test_names_can_be_had_again_in_their_order(tmp_path: Path) -> None:
    path = make_adapter(tmp_path / "a.safetensors", "kohya", rank=1, blocks=2)
    report = report_file(path, "dev")
    assert names_of(report.tensors) == list(read_header(path).tensors)
    assert len(report.tensors) < report.total_key_count / 1.9


def test_a_full_file_fits_the_comment_of_an_issue_tracker(tmp_path: Path) -> None:
    path = make_adapter(tmp_path / "a.safetensors", rank=1, dtype="F16")
    report = report_file(path, "dev")
    assert report.verdict is Verdict.ENGAGED
    assert len(text_of(report)) < 65_536


def test_what_is_not_there_has_no_report(tmp_path: Path) -> None:
    with pytest.raises(MissingFile):
        report_file(tmp_path / "none.safetensors", "dev")


@pytest.mark.parametrize("text", ["", "{}", "[" * 100_000, '{"report": 1}', "null"])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(UnusableReport, match="not a report"):
        read_report(text)


def test_a_report_of_a_later_form_asks_for_an_update(tmp_path: Path) -> None:
    report = report_file(write_tensors(tmp_path / "a.safetensors", tensors()), "dev")
    with pytest.raises(UnusableReport, match=r"form 9.*update"):
        read_report(msgspec.json.encode(msgspec.structs.replace(report, report=9)))
