"""How strong a file is, wherever that is said, against PEFT's own rules worked out again in float64."""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.beside import CONFIG
from kilnmark.keymaps.files.metadata import PEFT_METADATA
from kilnmark.keymaps.zoo.write import write_tensors
from tests.keymaps.said.strong import (
    BARE,
    BESIDE,
    BESIDE_IT,
    PACKED,
    PLAIN,
    PLAIN_BARE,
    SHAPES,
    said,
    strength,
    strengths,
    write,
)

PATTERNS = ["to_q", "attn.to_q", r"transformer_blocks\.0\.attn.to_q", "^proj_out", "proj_out", r".*\.attn\.(to_q|to_k)",
            r"transformer_blocks\.\d+\.attn\.to_k", "nothing", "single_transformer_blocks.[0-9]+.*"]  # fmt: skip


def peft_value(patterns: Mapping[str, float], name: str, usual: float) -> float:
    """As `get_pattern_key` of PEFT picks it."""
    return next((v for pattern, v in patterns.items() if re.match(rf"(.*\.)?({pattern})$", name)), usual)


CONFIGS = st.fixed_dictionaries(
    {"r": st.integers(1, 5), "lora_alpha": st.one_of(st.integers(1, 40), st.floats(0.01, 40))},
    optional={
        "alpha_pattern": st.dictionaries(st.sampled_from(PATTERNS), st.integers(1, 30), max_size=4),
        "rank_pattern": st.dictionaries(st.sampled_from(PATTERNS), st.integers(1, 5), max_size=3),
        "use_rslora": st.booleans(),
        "peft_type": st.just("LORA"),
        "init_lora_weights": st.sampled_from([True, False, "gaussian", "eva", "orthogonal", "mica"]),
        "bias": st.just("none"),
        "target_modules": st.just(["to_q", "to_k", "proj_out"]),
        "base_model_name_or_path": st.just("black-forest-labs/FLUX.1-dev"),
    },
)


@settings(max_examples=40, deadline=None)
@given(config=CONFIGS, where=st.sampled_from([PACKED, BARE, PLAIN, PLAIN_BARE, BESIDE]))
def test_any_config_means_what_peft_makes_of_it(
    config: dict[str, Any], where: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ranks = {name: int(peft_value(config.get("rank_pattern", {}), name, config["r"])) for name in SHAPES}
    path, norms = write(tmp_path_factory.mktemp("said"), where, config, ranks=ranks)
    adapter = read_adapter(path, SHAPES)
    wanted = {}
    for name, rank in ranks.items():
        alpha = peft_value(config.get("alpha_pattern", {}), name, config["lora_alpha"])
        wanted[name] = alpha / math.sqrt(rank) if config.get("use_rslora") else alpha / rank
    assert strengths(adapter, norms) == pytest.approx(wanted, rel=1e-5)
    assert adapter.strength_from == {"config" if where == BESIDE else "metadata": len(SHAPES)}
    assert not [note for note in adapter.notes if "says" in note]


def test_entries_may_be_written_as_python_writes_them(tmp_path: Path) -> None:
    metadata = {"transformer.lora_alpha": "16.0", "transformer.r": "2", "transformer.use_rslora": "True"}
    path, norms = write(tmp_path, PLAIN, {}, metadata=metadata)
    assert strength(read_adapter(path, SHAPES), norms) == pytest.approx(16 / math.sqrt(2))


@pytest.mark.parametrize(
    "metadata",
    [
        {"lora_rank": "2"},
        {"alpha": "0.5"},
        {"network_alpha": "8"},
        {"lora_rank": "2", "lora_blocks": "4"},
        {"ss_network_alpha": "2", "ss_network_dim": "2"},
    ],
)
def test_entries_that_say_no_strength_change_none(tmp_path: Path, metadata: Mapping[str, str]) -> None:
    path, norms = write(tmp_path, PLAIN, {}, metadata=metadata)
    adapter = read_adapter(path, SHAPES)
    assert strength(adapter, norms) == pytest.approx(1.0)
    assert (adapter.strength_from, adapter.notes) == ({"default": len(SHAPES)}, ())


@pytest.mark.parametrize("names", [("alpha", "rank"), ("network_alpha", "network_dim"), ("alpha", "lora_rank")])
def test_other_words_for_alpha_count_beside_a_rank(tmp_path: Path, names: tuple[str, str]) -> None:
    path, norms = write(tmp_path, PLAIN, {}, metadata=dict(zip(names, ("8", "2"), strict=True)))
    assert strength(read_adapter(path, SHAPES), norms) == pytest.approx(4.0)


def test_kohyas_entries_are_not_applied_where_converters_took_the_tensors_out(tmp_path: Path) -> None:
    path, norms = write(tmp_path, PLAIN, {}, metadata={"ss_network_alpha": "1", "ss_network_dim": "2"})
    adapter = read_adapter(path, SHAPES)
    assert strength(adapter, norms) == pytest.approx(1.0)
    [note] = adapter.notes
    assert note.startswith("ss_network_alpha is 1 for a rank of 2, and no alpha is stored")


def test_an_alpha_that_such_names_never_take_from_there_is_told(tmp_path: Path) -> None:
    pair = {"lora_down.weight": np.ones((2, 8), np.float32), "lora_up.weight": np.ones((6, 2), np.float32)}
    tensors = {f"lora_unet_double_blocks_0_img_mlp_0.{role}": matrix for role, matrix in pair.items()}
    metadata = {"lora_alpha": "16", "lora_rank": "2"}
    shapes = {"transformer_blocks.0.ff.linear1": (6, 8)}
    adapter = read_adapter(write_tensors(tmp_path / "a.safetensors", tensors, metadata=metadata), shapes)
    assert adapter.notes == (
        "an entry of the metadata says alpha, where no file of kohya names has it: it is taken for the rank",
    )


def test_a_config_too_long_to_be_kept_refuses_the_file(tmp_path: Path) -> None:
    config = {"r": 2, "lora_alpha": 8, "base_model_name_or_path": "x" * (3 << 20)}
    path, _ = write(tmp_path, PACKED, config)
    with pytest.raises(UnfitAdapter, match="more than are kept"):
        read_adapter(path, SHAPES)


def test_a_tensor_holds_before_all_and_whoever_says_otherwise_is_told(tmp_path: Path) -> None:
    alpha = {"transformer.proj_out.alpha": np.array(1.0, np.float32)}
    path, norms = write(tmp_path, PACKED, {"r": 2, "lora_alpha": 8}, more=alpha)
    (tmp_path / CONFIG).write_text(json.dumps({"r": 2, "lora_alpha": 6}))
    adapter = read_adapter(path, SHAPES)
    found = strengths(adapter, norms)
    assert [found["proj_out"], found["transformer_blocks.0.attn.to_q"]] == pytest.approx([0.5, 4.0])
    assert adapter.strength_from == {"metadata": 4, "tensor": 1}
    packed, tensor = "metadata 'lora_adapter_metadata'", "the alpha tensor"
    assert sorted(adapter.notes) == [
        f"{BESIDE_IT} says a strength of 3 where {packed} says 4 (4 modules); {packed} holds",
        f"{BESIDE_IT} says a strength of 3 where {tensor} says 0.5 (1 module); {tensor} holds",
        f"{packed} says a strength of 4 where {tensor} says 0.5 (1 module); {tensor} holds",
    ]


def test_sources_that_agree_are_not_told(tmp_path: Path) -> None:
    path, _ = write(tmp_path, PACKED, {"r": 2, "lora_alpha": 8})
    (tmp_path / CONFIG).write_text(json.dumps({"r": 2, "lora_alpha": 8}))
    assert read_adapter(path, SHAPES).notes == ()


@pytest.mark.parametrize("where", [PACKED, PLAIN_BARE, BESIDE])
def test_a_rank_that_is_not_the_tensors_is_told_and_theirs_counts(tmp_path: Path, where: str) -> None:
    path, norms = write(tmp_path, where, {"r": 16, "lora_alpha": 16})
    adapter = read_adapter(path, SHAPES)
    assert strength(adapter, norms) == pytest.approx(8.0)
    [note] = adapter.notes
    assert note.endswith("says rank 16 where the tensors have 2 (5 modules); the tensors hold")


@pytest.mark.parametrize("kind", ["LOHA", "LOKR"])
@pytest.mark.parametrize("where", [PACKED, BESIDE])
def test_loha_and_lokr_of_peft_say_alpha(tmp_path: Path, kind: str, where: str) -> None:
    roles = {
        "LOHA": {"hada_w1_a": (6, 2), "hada_w1_b": (2, 8), "hada_w2_a": (6, 2), "hada_w2_b": (2, 8)},
        "LOKR": {"lokr_w1": (2, 2), "lokr_w2_a": (3, 2), "lokr_w2_b": (2, 4)},
    }[kind]
    assert peft_ratio(tmp_path, where, kind, roles) == pytest.approx(6 / 2)


def test_whole_factors_are_multiplied_by_pefts_config_and_by_nothing_of_lycoris(tmp_path: Path) -> None:
    roles = {"lokr_w1": (2, 2), "lokr_w2": (3, 4)}
    assert peft_ratio(tmp_path, PACKED, "LOKR", roles) == pytest.approx(6 / 2)
    assert peft_ratio(tmp_path, PACKED, "LOKR", roles, alpha=np.array(5.0, np.float32)) == pytest.approx(1.0)


def peft_ratio(folder: Path, where: str, kind: str, roles: Mapping[str, tuple[int, int]], **more: Any) -> float:
    """How strong one module is, as often as it is without a config."""
    numbers = np.random.default_rng(1)
    tensors = {f"transformer.proj_out.{r}": numbers.standard_normal(s).astype(np.float32) for r, s in roles.items()}
    plain = read_adapter(write_tensors(folder / "plain.safetensors", tensors), SHAPES)
    tensors |= {f"transformer.proj_out.{role}": value for role, value in more.items()}
    metadata, beside = said(where, {"peft_type": kind, "r": 2, "alpha": 6})
    path = write_tensors(folder / "adapter_model.safetensors", tensors, metadata=metadata or None)
    if beside is not None:
        (folder / CONFIG).write_text(json.dumps(beside))
    [mine], [other] = read_adapter(path, SHAPES).updates, plain.updates
    assert mine.norm is not None
    assert other.norm is not None
    return mine.norm / other.norm


@pytest.mark.parametrize(
    ("patterns", "words"),
    [
        ({f"(a?.?){{150}}{n}": 1 for n in range(100)}, "takes too long"),
        ({f"a*{n}": 1 for n in range(300)}, "300 regular expressions"),
        ({f"a{n}": 1 for n in range(3000)}, "3000 patterns"),
    ],
)
def test_hostile_patterns_are_refused_in_no_time(tmp_path: Path, patterns: dict[str, int], words: str) -> None:
    path, _ = write(tmp_path, PACKED, {"r": 2, "lora_alpha": 2, "alpha_pattern": patterns})
    with pytest.raises(UnfitAdapter, match=words):
        read_adapter(path, SHAPES)


def test_hostile_patterns_that_count_for_nothing_are_told_at_most(tmp_path: Path) -> None:
    pair = {"lora_down.weight": np.ones((2, 8), np.float32), "lora_up.weight": np.ones((6, 2), np.float32)}
    tensors = {f"lora_unet_double_blocks_0_img_mlp_0.{role}": matrix for role, matrix in pair.items()}
    patterns = {f"(a?.?){{150}}{n}": 1 for n in range(9)}
    metadata, _ = said(PACKED, {"r": 2, "lora_alpha": 2, "alpha_pattern": patterns})
    path = write_tensors(tmp_path / "a.safetensors", tensors, metadata=metadata)
    adapter = read_adapter(path, {"transformer_blocks.0.ff.linear1": (6, 8)})
    assert [update.norm for update in adapter.updates] == [pytest.approx(2 * math.sqrt(48))]


def test_an_alpha_among_the_entries_that_is_no_number_is_told(tmp_path: Path) -> None:
    path, norms = write(tmp_path, PLAIN, {"lora_alpha": "sixteen", "r": 2})
    adapter = read_adapter(path, SHAPES)
    assert {update.target: update.norm for update in adapter.updates} == pytest.approx(norms)
    assert any("'transformer.lora_alpha' of the metadata cannot be understood" in note for note in adapter.notes)


@pytest.mark.parametrize("entry", [PEFT_METADATA, "plain"])
def test_alpha_that_is_said_for_another_part_of_the_model_is_told(tmp_path: Path, entry: str) -> None:
    fields = {"unet.lora_alpha": 8, "unet.r": 2}
    metadata = {entry: json.dumps(fields)} if entry == PEFT_METADATA else {n: str(v) for n, v in fields.items()}
    path, norms = write(tmp_path, PLAIN, {}, metadata=metadata)
    adapter = read_adapter(path, SHAPES)
    assert {update.target: update.norm for update in adapter.updates} == pytest.approx(norms)
    (note,) = adapter.notes
    assert note.endswith(
        "says alpha for 'unet' alone, and 5 modules are in 'transformer': there it is taken for the rank"
    )


@pytest.mark.parametrize("head", ["", "model."])
def test_patterns_name_layers_of_a_text_encoder_as_its_trainer_had_them(tmp_path: Path, head: str) -> None:
    """Qwen3 is trained by itself or below a head, whose name is a part of all of its layers' names then."""
    shapes = {f"qwen3_text_encoder.layers.{layer}.self_attn.q_proj": (6, 8) for layer in range(2)}
    tensors = {
        f"text_encoder.{head}layers.{layer}.self_attn.q_proj.lora_{letter}.weight": np.ones(size, np.float32)
        for layer in range(2)
        for letter, size in (("A", (2, 8)), ("B", (6, 2)))
    }
    config = {"r": 2, "lora_alpha": 4, "alpha_pattern": {f"^{head}layers.1.self_attn.q_proj": 16}}
    metadata = {PEFT_METADATA: json.dumps({f"text_encoder.{name}": value for name, value in config.items()})}
    adapter = read_adapter(write_tensors(tmp_path / "a.safetensors", tensors, metadata=metadata), shapes)
    assert [update.norm for update in adapter.updates] == pytest.approx([2 * 2 * math.sqrt(48), 8 * 2 * math.sqrt(48)])
    assert adapter.notes == ()
