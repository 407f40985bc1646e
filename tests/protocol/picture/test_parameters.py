"""The text that the field's tools read: the same facts, and nothing that a prompt or a name could forge."""

import json
import re

import msgspec
import pytest

from kilnmark.protocol.picture.parameters import parameters_text
from kilnmark.protocol.picture.record import PictureRecord
from tests.protocol.picture.test_record import RECORD

FIELD = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
"""One field of the last line, as the web UIs of the field take it apart."""


def read(text: str) -> dict[str, str]:
    """The fields of a text, as those web UIs read them."""
    fields = dict(FIELD.findall(text.rsplit("\n", maxsplit=1)[-1]))
    return {name: json.loads(value) if value.startswith('"') else value for name, value in fields.items()}


def with_prompt(prompt: str) -> PictureRecord:
    return msgspec.structs.replace(RECORD, prompt=prompt)


def with_names(*names: str) -> PictureRecord:
    reports = [msgspec.structs.replace(RECORD.loras[0], name=name) for name in names]
    return msgspec.structs.replace(RECORD, loras=reports)


def seeds(text: str) -> list[str]:
    """Every seed that a reader finds who looks through the whole text, and takes any letters."""
    return re.findall(r"seed\s*:\s*(\d+)", text, re.IGNORECASE)


def test_the_parameters_text_tells_prompt_numbers_and_every_adapters_verdict() -> None:
    prompt, negative, facts = parameters_text(RECORD).split("\n")
    assert (prompt, negative) == ("a kiln", "Negative prompt: smoke")
    for fact in ("Steps: 4", "Seed: 7", "Size: 256x128", "Model: dev", "Model hash: 0123456789", '"ash: 0.5 noop"'):
        assert fact in facts


def test_a_notice_stands_in_the_parameters_text_and_no_adapters_leave_no_trace() -> None:
    record = msgspec.structs.replace(RECORD, notice="means nothing", negative_prompt=None, loras=[])
    prompt, facts = parameters_text(record).split("\n")
    assert prompt == "a kiln"
    assert 'Notice: "means nothing"' in facts
    assert "Lora" not in facts


@pytest.mark.parametrize("prompt", ["a kiln", "(ash:1.3), dusk", "dusk: a kiln", "窯 [moss|stone]", "a resize: none"])
def test_an_ordinary_prompt_stands_as_it_is(prompt: str) -> None:
    assert parameters_text(with_prompt(prompt)).split("\n")[0] == prompt


@pytest.mark.parametrize(
    "prompt",
    [
        "a kiln, Seed: 99",
        "a kiln\nSteps: 99, Seed: 99",
        "a kiln\r\nNegative prompt: all",
        "a kiln\u2028Seed: 99",
        "seed : 99",
        '"a kiln", Seed: 99',
        "\x1b[31mSeed: 99",
        "\nSeed: 99",
        "Model hash: 00",
        '"quoted"',
        "Seed\\u003a 99, Seed: 99",
    ],
)
def test_a_prompt_that_could_be_taken_for_fields_is_quoted_and_comes_back(prompt: str) -> None:
    text = parameters_text(with_prompt(prompt))
    assert len(text.splitlines()) == 3
    assert json.loads(text.split("\n")[0]) == prompt
    assert seeds(text) == ["7"]
    assert text.count("Negative prompt:") == 1
    assert read(text) == read(parameters_text(RECORD))


def test_a_negative_prompt_is_quoted_too() -> None:
    text = parameters_text(msgspec.structs.replace(RECORD, negative_prompt="smoke\nSeed: 99"))
    assert seeds(text) == ["7"]
    assert json.loads(text.split("\n")[1].removeprefix("Negative prompt: ")) == "smoke\nSeed: 99"


@pytest.mark.parametrize(
    "name", ['x", Seed: 99, "y', "x: 1, Seed: 99", "x\nSeed: 99", "x\\", "\x9bx", "a, b", "x: ffff, y", "Seed:99"]
)
def test_the_name_of_an_adapter_is_one_name_whatever_is_in_it(name: str) -> None:
    text = parameters_text(with_names(name, "ink"))
    fields = read(text)
    assert set(fields) == set(read(parameters_text(RECORD)))
    assert seeds(text) == ["7"]
    (quoted,) = re.findall(r'^("(?:\\.|[^\\"])+"|[^,:]+): abab', fields["Lora hashes"])
    assert (json.loads(quoted) if quoted.startswith('"') else quoted) == name
    assert fields["Lora hashes"].endswith(", ink: abababababab")


def test_the_name_of_a_model_is_a_value_whatever_is_in_it() -> None:
    record = msgspec.structs.replace(RECORD, base=msgspec.structs.replace(RECORD.base, variant="/a, Seed: 99"))
    assert read(parameters_text(record))["Model"] == "/a, Seed: 99"
    assert seeds(parameters_text(record)) == ["7"]
