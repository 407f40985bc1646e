"""What each trainer records, found under the same names; and metadata that was made to do harm."""

import json
from collections.abc import Mapping

import pytest

from kilnmark.keymaps.files.metadata import ENTRY_LIMIT, TEXT_LIMIT, read_metadata
from kilnmark.protocol.wire.inspection import CaptionTag, Metadata

KOHYA = {
    "ss_network_module": "networks.lora_flux",
    "ss_output_name": "ohwx",
    "ss_sd_model_name": "flux1-dev.safetensors",
    "ss_base_model_version": "flux1",
    "ss_steps": "1200",
    "ss_epoch": "10",
    "ss_tag_frequency": json.dumps({"10_ohwx man": {"ohwx man": 24, " red coat": 9}, "1_img": {"red coat": 4}}),
    "ss_datasets": json.dumps(
        [{"subsets": [{"class_tokens": "ohwx man", "is_reg": False}, {"class_tokens": "man", "is_reg": True}]}]
    ),
    "modelspec.architecture": "flux-1-dev/lora",
    "modelspec.title": "Ohwx in a coat",
}
AI_TOOLKIT = {
    "format": "pt",
    "name": "p3r5on_v1",
    "software": json.dumps({"name": "ai-toolkit", "url": "somewhere", "version": "0.7.1"}),
    "training_info": json.dumps({"step": 2000, "epoch": 133}),
    "ss_base_model_version": "flux.1",
    "ss_output_name": "p3r5on_v1",
    "ss_tag_frequency": json.dumps({"1_p3r5on": {"p3r5on": 1}}),
}
ONE_TRAINER = {
    "ot_branch": "master",
    "ot_revision": "23df383",
    "ot_config": json.dumps(
        {"base_model_name": "black-forest-labs/FLUX.1-dev", "model_type": "FLUX_DEV_1", "epochs": 50}
    ),
    "modelspec.title": "kiln",
    "modelspec.trigger_phrase": "a kiln in klnstyle",
}
DIFFUSERS = {
    "format": "pt",
    "lora_adapter_metadata": json.dumps(
        {
            "text_encoder.base_model_name_or_path": None,
            "transformer.base_model_name_or_path": "black-forest-labs/FLUX.1-dev",
            "transformer.lora_alpha": 16,
        }
    ),
}


def test_kohya_names_its_base_steps_words_and_captions() -> None:
    found = read_metadata(KOHYA)
    assert found.trainer == "kohya (networks.lora_flux)"
    assert (found.title, found.base_model) == ("Ohwx in a coat", "flux1-dev.safetensors")
    assert found.architecture == "flux-1-dev/lora"
    assert (found.training_steps, found.epochs) == (1200, 10)
    assert found.trigger_words == ("ohwx man",)
    assert found.caption_tags == (CaptionTag("ohwx man", 24), CaptionTag("red coat", 13))


def test_a_folder_that_no_caption_bears_out_is_no_trigger() -> None:
    tags = {"10_img": {"red coat": 4}, "regular": {"regular": 1}}
    assert read_metadata({"ss_tag_frequency": json.dumps(tags)}).trigger_words == ()


def test_ai_toolkit_names_itself_its_steps_and_its_trigger() -> None:
    found = read_metadata(AI_TOOLKIT)
    assert (found.trainer, found.title) == ("ai-toolkit 0.7.1", "p3r5on_v1")
    assert (found.training_steps, found.epochs) == (2000, 133)
    assert (found.architecture, found.trigger_words) == ("flux.1", ("p3r5on",))


def test_one_trainer_names_its_base_in_its_configuration() -> None:
    found = read_metadata(ONE_TRAINER)
    assert (found.trainer, found.title) == ("OneTrainer 23df383", "kiln")
    assert (found.base_model, found.architecture) == ("black-forest-labs/FLUX.1-dev", "FLUX_DEV_1")
    assert (found.training_steps, found.epochs) == (None, 50)
    assert found.trigger_words == ("a kiln in klnstyle",)


def test_diffusers_names_the_base_in_the_adapters_configuration() -> None:
    found = read_metadata(DIFFUSERS)
    assert (found.trainer, found.base_model) == ("PEFT", "black-forest-labs/FLUX.1-dev")


@pytest.mark.parametrize(
    ("entries", "trainer", "base_model"),
    [
        ({"mflux_version": "0.24.0", "model": "flux2-klein-4b"}, "mflux 0.24.0", "flux2-klein-4b"),
        ({"lora_rank": "8", "lora_blocks": "57"}, "mlx-examples", ""),
        ({"modelspec.implementation_version": "sd-scripts/48d368f"}, "sd-scripts/48d368f", ""),
        ({"software": "a trainer of my own"}, "a trainer of my own", ""),
        ({"format": "pt"}, "", ""),
    ],
)
def test_smaller_trainers_are_known_by_what_they_leave(
    entries: Mapping[str, str], trainer: str, base_model: str
) -> None:
    found = read_metadata(entries)
    assert (found.trainer, found.base_model) == (trainer, base_model)


def test_what_a_trainer_wrote_for_a_missing_value_is_missing() -> None:
    found = read_metadata({"ss_sd_model_name": "None", "ss_steps": "None", "modelspec.trigger_phrase": "None"})
    assert (found.base_model, found.training_steps, found.trigger_words) == ("", None, ())


def test_no_metadata_is_nothing() -> None:
    assert read_metadata({}) == Metadata()


def test_long_texts_are_cut_and_their_length_is_told() -> None:
    found = read_metadata({"modelspec.title": "x" * 100_000, "y" * 100_000: "z"})
    assert found.title == "x" * TEXT_LIMIT + "... (100000 characters)"
    assert max(len(text) for entry in found.entries.items() for text in entry) < TEXT_LIMIT + 40


def test_many_entries_are_counted_and_the_first_are_shown() -> None:
    found = read_metadata({f"entry{n}": "x" for n in range(50_000)})
    assert (found.entry_count, len(found.entries)) == (50_000, ENTRY_LIMIT)
    assert next(iter(found.entries)) == "entry0"


def test_many_tags_and_words_are_bounded() -> None:
    tags = {f"1_word{n}": {f"word{n}": n} for n in range(10_000)}
    found = read_metadata({"ss_tag_frequency": json.dumps(tags)})
    assert (len(found.trigger_words), len(found.caption_tags)) == (20, 20)
    assert found.caption_tags[0] == CaptionTag("word9999", 9999)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "null",
        "7",
        "[" * 100_000,
        '{"step": -1, "epoch": 1e400}',
        '{"a": {"b": 99999999999999999999}}',
        '{"a": {"b": "many"}}',
        '{"base_model_name": 7, "software": []}',
        '{"a": ' * 5_000,
        '"\\ud800"',
    ],
)
@pytest.mark.parametrize(
    "name", ["training_info", "ot_config", "ss_tag_frequency", "ss_datasets", "software", "lora_adapter_metadata"]
)
def test_what_cannot_be_understood_is_still_one_of_the_entries(name: str, text: str) -> None:
    found = read_metadata({name: text})
    assert found.entries[name].startswith(text[:TEXT_LIMIT])
    assert (found.training_steps, found.base_model, found.trigger_words, found.caption_tags) == (None, "", (), ())


@pytest.mark.parametrize("text", ["-5", "1e3", "9" * 5_000, "²", "12.5", ""])
def test_steps_that_are_no_number_are_not_taken_for_one(text: str) -> None:
    assert read_metadata({"ss_steps": text}).training_steps is None
