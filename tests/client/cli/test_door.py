"""Errors in the words of the door that the request came in by: options, keywords, and paths for programs."""

import json
from pathlib import Path
from typing import Any

import pytest

from kilnmark.client.cli.door import called, in_options
from kilnmark.client.cli.main import _run, kilnmark
from kilnmark.client.request import render_params
from kilnmark.protocol.content.problems import UnknownName
from kilnmark.protocol.wire.errors import InvalidParams, JobIdTaken, RequestError
from kilnmark.protocol.wire.jsonrpc import params_as
from kilnmark.protocol.wire.requests import RenderParams

RENDER = called(kilnmark, ["render", "a kiln"])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InvalidParams("too large - at `$.params.width`; ask for less"), "too large - at `--width`; ask for less"),
        (InvalidParams("blank - at `$.params.prompt`; say"), "blank - at `PROMPT`; say"),
        (InvalidParams("101 - at `$.params.lora_scales[1]`"), "101 - at `--lora` no. 2"),
        (InvalidParams("x - at `$.params.lora_block_scales[0].double`"), "x - at `--lora` no. 1"),
        (InvalidParams("x - at `$.params.extra_loras[2].path`"), "x - at `--extra-lora` no. 3"),
        (InvalidParams("none - at `$.params.reference_images[0]`; y"), "none - at `--reference` no. 1; y"),
        (
            InvalidParams("strength needs an init_image - at `$.params.strength`; name the picture"),
            "strength needs an --init-image - at `--strength`; name the picture",
        ),
        (JobIdTaken("job_id 'a' is taken - at `$.params.job_id`; draw"), "--job-id 'a' is taken - at `--job-id`; draw"),
        (InvalidParams("new - at `$.params.aperture`; leave it out"), "new - at `aperture`; leave it out"),
        (InvalidParams("odd - at `$.params`"), "odd - at `$.params`"),
        (UnknownName("genre", "inkk", ["ink"], "packs"), "'inkk' is no genre here - at `--genre`; did you mean 'ink'?"),
    ],
)
def test_the_option_is_named(error: Any, words: str) -> None:
    assert in_options(error, RENDER) == words


def test_each_command_has_its_own_words() -> None:
    error = InvalidParams("gone - at `$.params.lora_paths[0]`")
    assert in_options(error, called(kilnmark, ["lora", "inspect", "x"])) == "gone - at `FILE` no. 1"
    assert in_options(InvalidParams("gone - at `$.params.job_id`"), called(kilnmark, ["cancel", "x"])) == (
        "gone - at `JOB_ID`"
    )


def test_every_field_of_a_render_that_has_an_option_is_named_by_it() -> None:
    fields = set(RenderParams.__struct_fields__) - {"meta"}
    unnamed = {
        field for field in fields if "`--" not in in_options(InvalidParams(f"x - at `$.params.{field}`"), RENDER)
    }
    assert unnamed == {"prompt"}


def test_a_wrong_value_on_the_command_line_names_its_option_and_the_document_its_path(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KILNMARK_SOCKET", str(tmp_path / "d.sock"))
    assert _run(["render", "a kiln", "--width", "100", "--json"], as_json=True) == 2
    shown = capsys.readouterr()
    assert "`--width`" in shown.err
    assert "$.params" not in shown.err
    assert "`$.params.width`" in json.loads(shown.out)["error"]["message"]


def test_a_caller_in_python_reads_the_keyword() -> None:
    with pytest.raises(InvalidParams) as caught:
        render_params("a", lora_paths=["/x", "/y"], lora_scales=[1.0, 101])
    assert str(caught.value).endswith("at `lora_scales[1]`")
    assert caught.value.message.endswith("at `$.params.lora_scales[1]`")
    with pytest.raises(InvalidParams, match=r"at `attached`"):
        params_as(RenderParams, b'{"prompt":"a","_meta":{"attached":3}}')


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"steps": 0}, "must be 1 or more - at `--steps`"),
        ({"steps": 1000}, "must be 100 at most - at `--steps`"),
        ({"width": 100}, "must be a multiple of 16 - at `--width`"),
        ({"guidance": 31}, "must be 30 at most - at `--guidance`"),
        ({"tier": ""}, "is empty - at `--tier`"),
        ({"tier": "x" * 300}, "has more than 200 characters - at `--tier`"),
        ({"job_id": "a b"}, "must be letters, digits or `._-`, 64 at most - at `--job-id`"),
        ({"reference_images": ["a"] * 9}, "is given more than 4 times - at `--reference`"),
        ({"lora_paths": ["a"], "lora_scales": [101]}, "must be 100 at most - at `--lora` no. 1"),
    ],
)
def test_a_bound_is_told_in_plain_words(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        params_as(RenderParams, json.dumps({"prompt": "x", **fields}).encode())
    assert in_options(caught.value, RENDER) == words


def test_other_messages_stay_as_they_are() -> None:
    assert str(RequestError("the base cannot be held: `$.x` is odd")) == "the base cannot be held: `$.x` is odd"
