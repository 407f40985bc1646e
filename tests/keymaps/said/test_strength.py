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

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.beside import CONFIG
from kilnmark.keymaps.files.metadata import PEFT_METADATA
from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.zoo.write import write_tensors
from kilnmark.protocol.picture.report import Verdict

SHAPES = {
    "transformer_blocks.0.attn.to_q": (6, 8),
    "transformer_blocks.0.attn.to_k": (6, 8),
    "transformer_blocks.1.attn.to_q": (6, 8),
    "single_transformer_blocks.0.proj_out": (6, 8),
    "proj_out": (6, 8),
}
PATTERNS = ["to_q", "attn.to_q", r"transformer_blocks\.0\.attn.to_q", "^proj_out", "proj_out", r".*\.attn\.(to_q|to_k)",
            r"transformer_blocks\.\d+\.attn\.to_k", "nothing", "single_transformer_blocks.[0-9]+.*"]  # fmt: skip
BESIDE_IT = "adapter_config.json beside the file"
PACKED, BARE, PLAIN, PLAIN_BARE, BESIDE = "packed", "bare", "plain", "plain and bare", "beside"


def peft_value(patterns: Mapping[str, float], name: str, usual: float) -> float:
    """As `get_pattern_key` of PEFT picks it."""
    return next((v for pattern, v in patterns.items() if re.match(rf"(.*\.)?({pattern})$", name)), usual)


def said(where: str, config: Mapping[str, Any]) -> tuple[dict[str, str], Mapping[str, Any] | None]:
    """The metadata that says it, and the config beside the file."""
    prefix = "transformer." if where in (PACKED, PLAIN) else ""
    fields = {f"{prefix}{name}": value for name, value in config.items()}
    if where in (PACKED, BARE):
        return {PEFT_METADATA: json.dumps(fields)}, None
    if where == BESIDE:
        return {}, config
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}, None


def write(
    folder: Path,
    where: str,
    config: Mapping[str, Any],
    *,
    ranks: Mapping[str, int] | int = 2,
    more: Mapping[str, Any] | None = None,
    name: str = "adapter_model",
    metadata: Mapping[str, str] | None = None,
) -> tuple[Path, dict[str, float]]:
    """A file of pairs, and the norm of each product at strength 1."""
    numbers = np.random.default_rng(3)
    tensors: dict[str, Any] = dict(more or {})
    norms = {}
    for target, (rows, columns) in SHAPES.items():
        rank = ranks if isinstance(ranks, int) else ranks[target]
        down, up = (numbers.standard_normal(s).astype(np.float32) for s in ((rank, columns), (rows, rank)))
        tensors |= {f"transformer.{target}.lora_A.weight": down, f"transformer.{target}.lora_B.weight": up}
        norms[target] = float(np.linalg.norm(up.astype(float) @ down.astype(float)))
    entries, beside = said(where, config)
    if beside is not None:
        (folder / CONFIG).write_text(json.dumps(beside))
    path = folder / f"{name}.safetensors"
    return write_tensors(path, tensors, metadata={**entries, **(metadata or {})} or None), norms


def strengths(adapter: Adapter, norms: Mapping[str, float]) -> dict[str, float]:
    return {update.target: (update.norm or 0.0) / norms[update.target] for update in adapter.updates}


def strength(adapter: Adapter, norms: Mapping[str, float]) -> float:
    """That of every layer."""
    [one, *others] = strengths(adapter, norms).values()
    assert others == pytest.approx([one] * len(others))
    return one


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


@pytest.mark.parametrize("init", ["pissa", "pissa_niter_16", "olora", "OLoRA", "corda", "loftq", "lora_ga"])
@pytest.mark.parametrize("where", [PACKED, BARE, PLAIN, PLAIN_BARE, BESIDE])
def test_what_belongs_to_an_altered_base_is_refused(tmp_path: Path, init: str, where: str) -> None:
    path, _ = write(tmp_path, where, {"r": 2, "lora_alpha": 2, "init_lora_weights": init})
    with pytest.raises(UnfitAdapter, match="the base it belongs to was altered") as caught:
        read_adapter(path, SHAPES)
    assert init.lower() in caught.value.problem
    assert "path_initial_model_for_weight_conversion" in caught.value.mend


def test_an_altered_base_of_a_part_that_is_not_in_the_file_is_no_matter(tmp_path: Path) -> None:
    config = {"transformer.r": 2, "transformer.lora_alpha": 2, "text_encoder.lora_alpha": 2}
    metadata = {PEFT_METADATA: json.dumps({**config, "text_encoder.init_lora_weights": "pissa"})}
    path, norms = write(tmp_path, PLAIN, {}, metadata=metadata)
    assert strength(read_adapter(path, SHAPES), norms) == pytest.approx(1.0)


@pytest.mark.parametrize("where", [PACKED, PLAIN, BESIDE])
def test_magnitudes_that_were_lost_make_it_partial(tmp_path: Path, where: str) -> None:
    magnitude = {"transformer.proj_out.lora_magnitude_vector": np.ones(6, np.float32)}
    path, _ = write(tmp_path, where, {"r": 2, "lora_alpha": 2, "use_dora": True}, more=magnitude)
    found = inspect_file(str(path), SHAPES).inspection
    assert found.verdict is Verdict.PARTIAL
    assert "says use_dora, but 4 modules have no magnitudes" in found.reason


@pytest.mark.parametrize(
    ("module", "verdict"), [("lycoris.kohya", Verdict.PARTIAL), ("networks.lora_flux", Verdict.ENGAGED)]
)
def test_lycoris_says_so_in_its_own_way_and_others_overlook_it(tmp_path: Path, module: str, verdict: Verdict) -> None:
    metadata = {"ss_network_module": module, "ss_network_args": json.dumps({"dora_wd": "True"})}
    path, _ = write(tmp_path, PLAIN, {}, metadata=metadata)
    assert inspect_file(str(path), SHAPES).inspection.verdict is verdict


def test_a_module_that_alone_has_no_alpha_or_no_magnitudes_lost_them(tmp_path: Path) -> None:
    """Trainers give them to all or to none, so what one lacks was lost on the way."""
    targets = [target for target in SHAPES if target != "proj_out"]
    alphas = {f"transformer.{target}.alpha": np.array(1.0, np.float32) for target in targets}
    stretches = {f"transformer.{target}.lora_magnitude_vector": np.ones(6, np.float32) for target in targets}
    for more, words in ((alphas, "1 module has no alpha, beside others"), (stretches, "1 module has no magnitudes")):
        path, _ = write(tmp_path, PLAIN, {}, more=more)
        found = inspect_file(str(path), SHAPES).inspection
        assert (found.verdict, words in found.reason) == (Verdict.PARTIAL, True)
        assert "'transformer.proj_out.lora_A.weight'" in found.reason
    said = {"r": 2, "lora_alpha": 1}
    path, _ = write(tmp_path, PACKED, said, more=alphas)
    assert inspect_file(str(path), SHAPES).inspection.verdict is Verdict.ENGAGED


def test_a_module_that_was_trained_whole_and_is_not_there_makes_it_partial(tmp_path: Path) -> None:
    config = {"r": 2, "lora_alpha": 2, "modules_to_save": ["x_embedder"]}
    path, _ = write(tmp_path, PACKED, config)
    found = inspect_file(str(path), SHAPES).inspection
    assert (found.verdict, "x_embedder was trained whole" in found.reason) == (Verdict.PARTIAL, True)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"r": 2, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]}, "names none of the file's layers"),
        ({"r": 2, "lora_alpha": 8, "target_modules": r"model\.layers\..*"}, "names none of the file's layers"),
        ({"r": 2, "alpha": 8, "peft_type": "LOHA"}, "is that of a LOHA"),
    ],
)
def test_a_config_of_another_adapter_changes_no_strength(tmp_path: Path, config: dict[str, Any], words: str) -> None:
    path, norms = write(tmp_path, BESIDE, config)
    adapter = read_adapter(path, SHAPES)
    assert strength(adapter, norms) == pytest.approx(1.0)
    assert [words in note for note in adapter.notes] == [True]


@pytest.mark.parametrize("targets", ["all-linear", r".*\.(to_q|to_k)", r"(?=a)unclear", ["attn.to_q"], None])
def test_a_config_that_names_some_of_the_layers_is_the_files(tmp_path: Path, targets: object) -> None:
    path, norms = write(tmp_path, BESIDE, {"r": 2, "lora_alpha": 8, "target_modules": targets})
    assert strength(read_adapter(path, SHAPES), norms) == pytest.approx(4.0)


NAMED = ["attn.to_q", "to_k", "proj_out"]


@pytest.mark.parametrize("targets", [NAMED, "all-linear", r".*\.(to_q|to_k|proj_out)|proj_out"])
def test_under_another_name_a_config_must_fit_wholly_and_is_told(tmp_path: Path, targets: object) -> None:
    path, norms = write(tmp_path, BESIDE, {"r": 2, "lora_alpha": 8, "target_modules": targets}, name="ink")
    adapter = read_adapter(path, SHAPES)
    assert strength(adapter, norms) == pytest.approx(4.0)
    [note] = adapter.notes
    assert note.startswith(f"{BESIDE_IT} is taken for its own")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"r": 4, "target_modules": NAMED}, "says rank 4 where the tensors have 2"),
        ({"r": 2, "target_modules": ["to_q", "to_k"]}, "does not name proj_out"),
        ({"r": 2, "target_modules": [*NAMED, "to_v"]}, "names 'to_v', which is not in the file"),
        ({"r": 2}, "does not name proj_out"),
        ({"target_modules": NAMED}, "says rank None where the tensors have 2"),
    ],
)
def test_under_another_name_what_does_not_fit_is_another_files(
    tmp_path: Path, config: dict[str, Any], words: str
) -> None:
    path, norms = write(tmp_path, BESIDE, {"lora_alpha": 8, **config}, name="ink")
    adapter = read_adapter(path, SHAPES)
    assert strength(adapter, norms) == pytest.approx(1.0)
    [note] = adapter.notes
    assert words in note
    assert note.endswith("so that it is another file's, and is not used")


@pytest.mark.parametrize("text", ["{", "[]", '{"r": 2}', '{"lora_alpha": "x"}', "[" * 100_000])
def test_a_config_that_cannot_be_understood_refuses_pefts_own_file_and_is_told_of_others(
    tmp_path: Path, text: str
) -> None:
    path, _ = write(tmp_path, PLAIN, {})
    (tmp_path / CONFIG).write_text(text)
    with pytest.raises(UnfitAdapter, match=f"{re.escape(BESIDE_IT)} cannot be understood"):
        read_adapter(path, SHAPES)
    [note] = read_adapter(path.rename(tmp_path / "ink.safetensors"), SHAPES).notes
    assert "cannot be understood" in note


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


def test_pefts_own_file_without_its_config_says_that_alpha_is_unknown(tmp_path: Path) -> None:
    pair = {"lora_A": np.ones((2, 8), np.float32), "lora_B": np.ones((6, 2), np.float32)}
    tensors = {f"base_model.model.proj_out.{role}.weight": matrix for role, matrix in pair.items()}
    path = write_tensors(tmp_path / "adapter_model.safetensors", tensors)
    assert read_adapter(path, SHAPES).notes == (
        "PEFT says alpha in adapter_config.json, which is not beside the file: it is taken for the rank",
    )
    (tmp_path / CONFIG).write_text('{"r": 2, "lora_alpha": 2}')
    assert read_adapter(path, SHAPES).notes == ()


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


@pytest.mark.parametrize(("trained", "verdict"), [(0, Verdict.NOOP), (2, Verdict.PARTIAL), (5, Verdict.ENGAGED)])
def test_magnitudes_beside_matrices_of_zeros_are_those_before_training(
    tmp_path: Path, trained: int, verdict: Verdict
) -> None:
    tensors: dict[str, Any] = {}
    for place, (target, (rows, columns)) in enumerate(SHAPES.items()):
        tensors[f"transformer.{target}.lora_A.weight"] = np.ones((1, columns), np.float32)
        tensors[f"transformer.{target}.lora_B.weight"] = np.full((rows, 1), float(place < trained), np.float32)
        tensors[f"transformer.{target}.lora_magnitude_vector"] = np.ones(rows, np.float32)
    path = write_tensors(tmp_path / "a.safetensors", tensors)
    found = inspect_file(str(path), SHAPES).inspection
    assert (found.verdict, found.applied_target_count) == (verdict, trained if verdict is not Verdict.NOOP else 0)
    assert ("as before the first step of training" in found.reason) is (trained < len(SHAPES))


def test_hostile_patterns_that_count_for_nothing_are_told_at_most(tmp_path: Path) -> None:
    pair = {"lora_down.weight": np.ones((2, 8), np.float32), "lora_up.weight": np.ones((6, 2), np.float32)}
    tensors = {f"lora_unet_double_blocks_0_img_mlp_0.{role}": matrix for role, matrix in pair.items()}
    patterns = {f"(a?.?){{150}}{n}": 1 for n in range(9)}
    metadata, _ = said(PACKED, {"r": 2, "lora_alpha": 2, "alpha_pattern": patterns})
    path = write_tensors(tmp_path / "a.safetensors", tensors, metadata=metadata)
    adapter = read_adapter(path, {"transformer_blocks.0.ff.linear1": (6, 8)})
    assert [update.norm for update in adapter.updates] == [pytest.approx(2 * math.sqrt(48))]


def test_one_expression_for_all_targets_is_read_once(tmp_path: Path) -> None:
    targets = r"(?:.*?(?:transformer|single_transformer)?.*?(?:blocks|layers)?.*?(?:attn|proj_out)?.*?){5}.*"
    path, norms = write(tmp_path, BESIDE, {"r": 2, "lora_alpha": 8, "target_modules": targets})
    assert strength(read_adapter(path, SHAPES), norms) == pytest.approx(4.0)


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


@pytest.mark.parametrize(
    "targets", [[f"transformer.{name}" for name in SHAPES], r"transformer\.(.*_blocks\..*|proj_out)", list(SHAPES)]
)
@pytest.mark.parametrize("name", ["adapter_model", "ink"])
def test_targets_may_begin_with_the_part_of_the_model(tmp_path: Path, targets: object, name: str) -> None:
    """As where a trainer wraps a model of which the transformer is one part."""
    path, norms = write(tmp_path, BESIDE, {"r": 2, "lora_alpha": 6, "target_modules": targets}, name=name)
    adapter = read_adapter(path, SHAPES)
    assert strength(adapter, norms) == pytest.approx(3.0)
    assert adapter.strength_from == {"config": len(SHAPES)}


def test_a_config_of_pefts_own_file_that_names_some_of_its_layers_holds_for_all_and_says_so(tmp_path: Path) -> None:
    path, norms = write(tmp_path, BESIDE, {"r": 2, "lora_alpha": 6, "target_modules": ["to_q", "to_k"]})
    adapter = read_adapter(path, SHAPES)
    assert strength(adapter, norms) == pytest.approx(3.0)
    assert adapter.notes == (f"{BESIDE_IT} does not name 2 of the 5 modules, and is taken for them too",)
