"""Parameters from raw JSON: what is refused names its whole path, and numbers are taken as they were meant."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.protocol.picture.given import InlinePicture
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.jsonrpc import params_as
from kilnmark.protocol.wire.requests import (
    CancelParams,
    LoraInspectParams,
    PingParams,
    RenderParams,
    ShutdownParams,
    StatusParams,
    WarmUpParams,
    check_render,
)


def render(**fields: object) -> RenderParams:
    return params_as(RenderParams, json.dumps({"prompt": "a kiln", **fields}).encode())


def refusal(raw: str) -> str:
    with pytest.raises(InvalidParams) as caught:
        params_as(RenderParams, raw.encode())
    return caught.value.message


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ('{"prompt":"x","zz":1}', "`$.params.zz`"),
        ('{"prompt":"x","_meta":{"zz":1}}', "`$.params._meta.zz`"),
        ('{"prompt":"x","`$.zz":1}', "`$.params.`$.zz`"),
        ("{}", "`$.params.prompt`"),
        ("null", "`$.params`"),
        ('{"prompt":"x","lora_scales":[1,"a"]}', "`$.params.lora_scales[1]`"),
        ('{"prompt":"x","steps":true}', "`$.params.steps`"),
        ('{"prompt":"x","steps":0}', "`$.params.steps`"),
        ('{"prompt":"x","steps":1000}', "`$.params.steps`"),
        ('{"prompt":"x","steps":4.5}', "`$.params.steps`"),
        ('{"prompt":"x","width":1030}', "`$.params.width`"),
        ('{"prompt":"x","seed":9007199254740992}', "`$.params.seed`"),
        ('{"prompt":"x","seed":-1}', "`$.params.seed`"),
        ('{"prompt":"x","guidance":1e300}', "`$.params.guidance`"),
        ('{"prompt":"x","on_mismatch":"ignore"}', "`$.params.on_mismatch`"),
        ('{"prompt":"x","job_id":"a b"}', "`$.params.job_id`"),
        ('{"prompt":""}', "`$.params.prompt`"),
        ('{"prompt":"x","guidance":1e400}', "`$.params"),
    ],
)
def test_a_refusal_names_the_path(raw: str, path: str) -> None:
    assert path in refusal(raw)


def test_a_very_long_name_is_not_sent_back_whole() -> None:
    assert len(refusal('{"prompt":"x","' + "z" * 100_000 + '":1}')) < 300


def test_a_prompt_of_a_megabyte_is_refused_without_being_repeated() -> None:
    message = refusal(json.dumps({"prompt": "x" * 1_000_000}))
    assert "`$.params.prompt`" in message
    assert len(message) < 300


@pytest.mark.parametrize("field", ["lora_path", "lora_scale"])
def test_a_singular_field_is_refused_and_the_arrays_are_named(field: str) -> None:
    message = refusal(json.dumps({"prompt": "x", field: 1}))
    assert f"`$.params.{field}`" in message
    assert "lora_paths and lora_scales" in message


def test_a_singular_field_is_refused_without_scales_where_none_are_taken() -> None:
    with pytest.raises(InvalidParams, match=r"lora_path`; send the array lora_paths$"):
        params_as(LoraInspectParams, b'{"lora_path":"a"}')
    with pytest.raises(InvalidParams, match=r"unknown field.*lora_scale`"):
        params_as(LoraInspectParams, b'{"lora_paths":["a"],"lora_scale":1}')


def test_a_singular_field_is_an_ordinary_unknown_one_where_no_stack_is_taken() -> None:
    with pytest.raises(InvalidParams, match=r"unknown field.*lora_path"):
        params_as(PingParams, b'{"lora_path":1}')


@pytest.mark.parametrize("number", ["1024", "1024.0", "1.024e3"])
def test_a_whole_number_may_be_written_as_a_float(number: str) -> None:
    width = params_as(RenderParams, f'{{"prompt":"x","width":{number}}}'.encode()).width
    assert width == 1024
    assert isinstance(width, int)


def test_a_whole_number_inside_a_list_of_floats_stays_a_float() -> None:
    scales = render(lora_paths=["a", "b"], lora_scales=[1, 0.5]).lora_scales
    assert scales == [1.0, 0.5]
    assert all(isinstance(scale, float) for scale in scales)


@given(st.integers(min_value=0, max_value=2**53 - 1))
def test_every_seed_survives_as_integer_and_as_float(seed: int) -> None:
    assert render(seed=seed).seed == render(seed=float(seed)).seed == seed


@pytest.mark.parametrize("type_", [PingParams, StatusParams, WarmUpParams, ShutdownParams])
def test_methods_without_required_fields_take_an_empty_object(type_: type[msgspec.Struct]) -> None:
    assert params_as(type_, b"{}") == type_()


def test_meta_carries_the_token_and_the_trace_context() -> None:
    call = params_as(CancelParams, b'{"job_id":"j","_meta":{"progressToken":"t","traceparent":"00-a-b-01"}}')
    assert (call.meta.progress_token, call.meta.traceparent, call.meta.tracestate) == ("t", "00-a-b-01", None)


STACK: dict[str, object] = {"lora_paths": ["a"], "lora_scales": [1.0]}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"prompt": " \n"}, "$.params.prompt"),
        ({"lora_paths": ["a"], "lora_scales": []}, "$.params.lora_scales"),
        ({"lora_paths": [], "lora_scales": [1.0]}, "$.params.lora_scales"),
        ({**STACK, "lora_block_scales": [{}, {}]}, "$.params.lora_block_scales"),
        ({**STACK, "lora_block_scales": [{"double.7-3": 1}]}, "$.params.lora_block_scales[0]"),
        ({**STACK, "lora_block_scales": [{"double": 1, "double.3": 0.5}]}, "$.params.lora_block_scales[0]"),
        ({"lora_block_scales": [{"double": 1}]}, "$.params.lora_block_scales"),
        ({"world": "w"}, "$.params.world"),
        ({"genre": "g", "lora_paths": ["a"], "lora_scales": [1.0]}, "$.params.genre"),
        ({"genre": "g"}, "$.params.tier"),
        ({"width": 4096, "height": 4096}, "$.params.width"),
        ({"extra_loras": [{"path": "a", "block_scales": {"double.7-3": 1}}]}, "$.params.extra_loras[0].block_scales"),
    ],
)
def test_the_rules_between_fields_name_a_path(fields: dict[str, object], path: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        check_render(render(**fields))
    assert f"`{path}`" in caught.value.message


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), float("-inf")])
def test_a_scale_that_is_no_finite_number_is_refused(scale: float) -> None:
    with pytest.raises(InvalidParams, match=r"lora_scales\[0\]"):
        check_render(RenderParams(prompt="x", lora_paths=["a"], lora_scales=[scale]))


def test_a_scale_of_some_blocks_is_a_finite_one_within_bounds() -> None:
    with pytest.raises(InvalidParams, match=r"lora_block_scales\[0\].double"):
        check_render(
            RenderParams(prompt="x", lora_paths=["a"], lora_scales=[1], lora_block_scales=[{"double": float("inf")}])
        )
    with pytest.raises(InvalidParams, match="lora_block_scales"):
        render(**STACK, lora_block_scales=[{"double": 101}])


def test_a_whole_request_passes() -> None:
    check_render(render(**STACK, lora_block_scales=[{"double": 0.3, "single.20-37": 1}]))
    check_render(render(lora_paths=["a", "b"], lora_scales=[1, -0.5], width=1024, height=768, tier="scene"))


def test_a_picture_comes_by_its_path_or_within_the_request() -> None:
    inline = render(init_image={"data": "aGk="}, strength=0.5).init_image
    assert isinstance(inline, InlinePicture)
    assert inline.data == b"hi"
    assert render(init_image="a.png").names_pictures
    assert render(reference_images=["a.png", {"data": "aGk="}]).names_pictures
    assert not render().names_pictures


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ('{"prompt":"x","init_image":""}', "`$.params.init_image`"),
        ('{"prompt":"x","init_image":{"data":""}}', "`$.params.init_image.data`"),
        ('{"prompt":"x","init_image":{"data":"!"}}', "`$.params.init_image.data`"),
        ('{"prompt":"x","init_image":{"base64":"aGk="}}', "`$.params.init_image"),
        ('{"prompt":"x","strength":1.1}', "`$.params.strength`"),
        ('{"prompt":"x","reference_images":["a","b","c","d","e"]}', "`$.params.reference_images`"),
        ('{"prompt":"x","reference_images":[1]}', "`$.params.reference_images[0]`"),
    ],
)
def test_a_refusal_of_a_picture_names_the_path(raw: str, path: str) -> None:
    assert path in refusal(raw)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"strength": 0.5}, "`$.params.strength`"),
        ({"init_image": "a", "reference_images": ["b"]}, "`$.params.reference_images`"),
    ],
)
def test_pictures_have_rules_between_fields(fields: dict[str, object], path: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        check_render(render(**fields))
    assert path in caught.value.message
