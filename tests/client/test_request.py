"""A render request is checked before a byte of it is sent, and says where it is wrong as the daemon would."""

import os
from pathlib import Path
from typing import Any

import pytest

from kilnmark.client.request import (
    ComposeOptions,
    InspectOptions,
    RenderOptions,
    checked,
    inspect_params,
    render_params,
)
from kilnmark.protocol.picture.given import InlinePicture
from kilnmark.protocol.wire.call import CallMeta
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.requests import CancelParams, LoraInspectParams, RenderParams, StyleComposeParams
from kilnmark.protocol.wire.stacks import ExtraLora

NAN, INF = float("nan"), float("inf")


def test_scales_left_out_are_one_each() -> None:
    assert render_params("a", lora_paths=["/x", "/y"]).lora_scales == [1.0, 1.0]


def test_scales_given_are_sent_as_they_are() -> None:
    assert render_params("a", lora_paths=["/x", "/y"], lora_scales=(0.5, -1)).lora_scales == [0.5, -1.0]


def test_scales_of_blocks_are_sent_where_there_are_any() -> None:
    asked = [{}, {"double": 0.3, "single.20-37": 1}]
    assert render_params("a", lora_paths=["/x", "/y"], lora_block_scales=asked).lora_block_scales == asked
    assert render_params("a", lora_paths=["/x", "/y"], lora_block_scales=[{}, {}]).lora_block_scales == []


@pytest.mark.parametrize("asked", [{"double": 1.0}, [{"double": NAN}], [{"double": 1, "double.0": 2}], [{}, {"a": 1}]])
def test_scales_of_blocks_that_cannot_be_meant_are_refused_here(asked: Any) -> None:
    with pytest.raises(InvalidParams, match="lora_block_scales"):
        render_params("a", lora_paths=["/x"], lora_block_scales=asked)


def test_relative_paths_are_meant_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths: list[str | os.PathLike[str]] = ["a.safetensors", Path("b/c.safetensors"), "/d"]
    assert render_params("a", lora_paths=paths).lora_paths == [
        str(tmp_path / "a.safetensors"),
        str(tmp_path / "b" / "c.safetensors"),
        "/d",
    ]


def test_pictures_are_sent_by_their_paths_or_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert render_params("a", init_image=Path("b.png"), strength=0.5).init_image == str(tmp_path / "b.png")
    assert render_params("a", reference_images=["/b.png", b"whole"]).reference_images == [
        "/b.png",
        InlinePicture(data=b"whole"),
    ]


def test_a_request_that_no_daemon_would_read_is_refused_here() -> None:
    assert render_params("a", init_image=bytes(512 << 10))
    with pytest.raises(InvalidParams, match=r"bytes with its pictures in base64, more than .* give the paths of files"):
        render_params("a", reference_images=[bytes(512 << 10)] * 2)


@pytest.mark.parametrize(
    "asked",
    [
        {"init_image": ""},
        {"init_image": b""},
        {"init_image": "a", "strength": NAN},
        {"init_image": "a", "strength": 2},
        {"strength": 0.5},
        {"reference_images": "a.png"},
        {"reference_images": ["a"] * 5},
        {"init_image": "a", "reference_images": ["b"]},
    ],
)
def test_pictures_that_cannot_be_meant_are_refused_here(asked: Any) -> None:
    with pytest.raises(InvalidParams, match=r"init_image|strength|reference_images"):
        render_params("a", **asked)


def test_every_keyword_reaches_the_request() -> None:
    options: dict[str, Any] = {
        "negative_prompt": "fog",
        "tier": "portrait",
        "variant": "dev",
        "seed": 7,
        "steps": 3,
        "guidance": 2.5,
        "width": 64,
        "height": 128,
        "lora_paths": ["/x"],
        "lora_scales": [0.5],
        "on_mismatch": "warn",
        "job_id": "j",
        "priority": "low",
        "cache": False,
    }
    params = render_params("a", **options)
    assert {name: getattr(params, name) for name in options} == options


def test_adapters_behind_a_stack_are_paths_or_paths_with_scales(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given: list[str | Path | ExtraLora] = [
        Path("a.safetensors"),
        "/b",
        ExtraLora(path="c", scale=0.5, block_scales={"double": 1}),
    ]
    sent = render_params("a", genre="ink", tier="portrait", extra_loras=given).extra_loras
    assert [extra.path for extra in sent] == [str(tmp_path / "a.safetensors"), "/b", str(tmp_path / "c")]
    assert [(extra.scale, extra.block_scales) for extra in sent] == [(1.0, {}), (1.0, {}), (0.5, {"double": 1})]


def test_the_keywords_of_a_composition_are_the_fields_of_the_wire() -> None:
    wire = set(StyleComposeParams.__struct_fields__) - {"meta", "genre", "tier"}
    assert ComposeOptions.__optional_keys__ == wire


def test_the_keywords_are_the_fields_of_the_wire() -> None:
    """And `attached`, which is a field of `_meta`."""
    wire = set(RenderParams.__struct_fields__) - {"meta", "prompt"}
    assert RenderOptions.__optional_keys__ == wire | {"attached"}
    assert "attached" in CallMeta.__struct_fields__


def test_the_keywords_of_an_inspection_are_the_fields_of_the_wire() -> None:
    assert InspectOptions.__optional_keys__ == set(LoraInspectParams.__struct_fields__) - {"meta", "lora_paths"}


def test_a_misspelt_keyword_is_a_type_error() -> None:
    wrong: dict[str, Any] = {"lora_path": "/x"}
    with pytest.raises(TypeError, match="lora_path"):
        render_params("a", **wrong)


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"lora_paths": ["/x"], "lora_scales": [NAN]}, "$.params.lora_scales[0]"),
        ({"lora_paths": ["/x", "/y"], "lora_scales": [1.0, INF]}, "$.params.lora_scales[1]"),
        ({"lora_paths": ["/x"], "lora_scales": [101]}, "$.params.lora_scales[0]"),
        ({"lora_paths": ["/x", "/y"], "lora_scales": [1.0]}, "$.params.lora_scales"),
        ({"lora_scales": [1.0]}, "$.params.lora_scales"),
        ({"lora_paths": [""]}, "$.params.lora_paths[0]"),
        ({"extra_loras": "/x"}, "$.params.extra_loras"),
        ({"extra_loras": ExtraLora(path="/x")}, "$.params.extra_loras"),
        ({"extra_loras": [""]}, "$.params.extra_loras[0].path"),
        ({"extra_loras": ["/x", ExtraLora(path="/x", scale=INF)]}, "$.params.extra_loras[1].scale"),
        ({"extra_loras": [ExtraLora(path="/x", scale=101)]}, "$.params.extra_loras[0].scale"),
        (
            {"extra_loras": [ExtraLora(path="/x", block_scales={"double": NAN})]},
            "$.params.extra_loras[0].block_scales.double",
        ),
        ({"lora_paths": "/x"}, "$.params.lora_paths"),
        ({"guidance": NAN}, "$.params.guidance"),
        ({"guidance": 31.0}, "$.params.guidance"),
        ({"seed": -1}, "$.params.seed"),
        ({"seed": True}, "$.params.seed"),
        ({"steps": 0}, "$.params.steps"),
        ({"steps": 1000}, "$.params.steps"),
        ({"width": 100}, "$.params.width"),
        ({"width": 4096, "height": 4096}, "$.params.width"),
        ({"on_mismatch": "shrug"}, "$.params.on_mismatch"),
        ({"job_id": "a b"}, "$.params.job_id"),
        ({"priority": "urgent"}, "$.params.priority"),
        ({"cache": "no"}, "$.params.cache"),
        ({"world": "w"}, "$.params.world"),
        ({"genre": "g", "lora_paths": ["/x"]}, "$.params.genre"),
        ({"genre": "g"}, "$.params.tier"),
    ],
)
def test_what_is_out_of_bounds_is_named_by_its_path(options: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        render_params("a", **options)
    assert f"`{where}`" in caught.value.message


@pytest.mark.parametrize("prompt", ["", "  \n", "x" * 1_000_000], ids=["empty", "blank", "megabyte"])
def test_a_prompt_must_say_something_and_not_too_much(prompt: str) -> None:
    with pytest.raises(InvalidParams, match=r"prompt"):
        render_params(prompt)


def test_a_cancel_needs_a_job_id_that_can_exist() -> None:
    with pytest.raises(InvalidParams, match=r"job_id"):
        checked(CancelParams(job_id="no such"))


def test_an_inspection_takes_paths_as_a_render_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    params = inspect_params(["a.safetensors", Path("/b")], variant="schnell", targets=True)
    assert (params.lora_paths, params.variant, params.targets) == (
        [str(tmp_path / "a.safetensors"), "/b"],
        "schnell",
        True,
    )


@pytest.mark.parametrize(
    ("paths", "where"),
    [([], "lora_paths"), ([""], "lora_paths[0]"), ("/x", "lora_paths"), (["/x"] * 65, "lora_paths")],
)
def test_an_inspection_needs_1_to_64_paths(paths: Any, where: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        inspect_params(paths)
    assert f"`$.params.{where}`" in caught.value.message


@pytest.mark.parametrize("fields", [{"lora_paths": [os.fsdecode(b"/loras/\xff.safetensors")]}, {"genre": "\udc80"}])
def test_a_name_that_is_not_utf_8_is_a_sentence(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams, match="is not UTF-8"):
        render_params("a kiln", tier="portrait", **fields)
