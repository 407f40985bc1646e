"""What a style says where a request is silent, and what of the files of its stack stops it."""

from pathlib import Path
from typing import Any

import pytest

from kilnmark.daemon.asked.accept import Accepted, accept
from kilnmark.daemon.asked.served import Served
from kilnmark.daemon.asked.stack import StyledStack
from kilnmark.keymaps.files.finder import Found, Located
from kilnmark.protocol.content.composed import ComposedStyle
from kilnmark.protocol.content.composition import stack_files
from kilnmark.protocol.content.packs import load_pack
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.stacks import ExtraLora
from tests.protocol.content.made import Shelf

STYLE = """\
base_seed: 9
negative_prompt: photo
loras:
  - {name: wash, file: wash.safetensors, scale: 0.8, applies_to: [portrait]}
  - {name: line, file: line.safetensors, scale: 0.5, applies_to: [portrait]}
"""


def style(text: str = STYLE, tier: str = "portrait", tiers: str = "scene: {}") -> ComposedStyle:
    texts = {"ink/visual_style.yaml": text, "ink/tiers.yaml": tiers}
    return load_pack(Shelf(texts), "ink").compose(tier)


def styled(composed: ComposedStyle, *lost: str) -> StyledStack:
    found = [
        Found(f"/packs/{folder}/{file}", "it is lost; find it" if file in lost else "")
        for file, folder in stack_files(composed)
    ]
    return StyledStack.of_style(composed, Located(tuple(found)), ("old style",))


def accepted(composed: ComposedStyle, serving: str = "dev", **asked: Any) -> Accepted:
    settings = Settings(socket=Path("/s/d.sock"), output_dir=Path("/o"), variant=serving, packs=Path("/packs"))
    params = RenderParams(prompt="a mill", genre="ink", tier=composed.tier.name, **asked)
    return accept(params, Served(settings), "job", styled(composed))


def test_the_style_speaks_where_the_request_is_silent() -> None:
    command = accepted(style()).command
    assert (command.seed, command.negative_prompt, command.width, command.variant) == (9, "photo", 768, "dev")
    assert (command.lora_names, command.lora_scales) == (["wash", "line"], [0.8, 0.5])
    assert command.lora_paths == ["/packs/ink/wash.safetensors", "/packs/ink/line.safetensors"]
    assert (command.stack.source, command.stack.genre, command.stack.names) == ("style", "ink", ("wash", "line"))


def test_scales_of_blocks_are_those_of_the_style() -> None:
    scaled = STYLE.replace("scale: 0.5,", "scale: 0.5, scales: {double: 0.3, single.20-37: 1},")
    assert accepted(style(scaled)).command.lora_block_scales == [{}, {"double": 0.3, "single.20-37": 1.0}]
    assert accepted(style()).command.lora_block_scales == []


def test_adapters_of_the_request_go_behind_those_of_the_style() -> None:
    extras = [ExtraLora(path="/a/bel.safetensors", scale=0.3), ExtraLora(path="orrin", block_scales={"double": 0.5})]
    command = accepted(style(), extra_loras=extras).command
    assert command.lora_paths[2:] == ["/a/bel.safetensors", "orrin"]
    assert (command.lora_scales, command.lora_names) == ([0.8, 0.5, 0.3, 1.0], ["wash", "line", "bel", "orrin"])
    assert command.lora_block_scales == [{}, {}, {}, {"double": 0.5}]
    assert (command.stack.source, command.stack.names) == ("style", ("wash", "line", "bel", "orrin"))


@pytest.mark.parametrize(("paths", "names"), [([], ("bel",)), (["/a/ink.safetensors"], ("ink", "bel"))])
def test_they_go_behind_a_stack_of_paths_and_behind_none(paths: list[str], names: tuple[str, ...]) -> None:
    extras = [ExtraLora(path="/a/bel.safetensors")]
    params = RenderParams(prompt="x", lora_paths=paths, lora_scales=[1.0] * len(paths), extra_loras=extras)
    command = accept(params, Served(Settings(socket=Path("/s"), output_dir=Path("/o"))), "job").command
    assert (command.stack.source, command.stack.names, len(command.lora_paths)) == ("paths", names, len(names))


def test_the_request_comes_first() -> None:
    command = accepted(style(), seed=0, negative_prompt="", width=512, steps=3, guidance=1.0, variant="schnell").command
    assert (command.seed, command.negative_prompt, command.width, command.height) == (0, "", 512, 1024)
    assert (command.steps, command.variant) == (3, "schnell")


def test_a_genres_own_tier_counts() -> None:
    command = accepted(style(tiers="portrait: {steps: 30, width: 640}")).command
    assert (command.steps, command.width, command.height) == (30, 640, 1024)


def test_without_a_seed_of_the_style_one_is_drawn() -> None:
    assert accepted(style("loras: []")).command.seed != accepted(style("loras: []")).command.seed


def test_a_picture_is_repeatable_by_its_own_or_its_styles_seed() -> None:
    assert accepted(style()).repeatable
    assert accepted(style("loras: []"), seed=3).repeatable
    assert not accepted(style("loras: []")).repeatable


def test_the_preferred_model_is_the_base_where_it_is_served() -> None:
    made = accepted(style("preferred_model: schnell"))
    assert (made.command.variant, made.command.guidance, made.warnings) == ("schnell", 0.0, ("old style",))


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("a: 1", "tier 'portrait' was tuned for 'dev'; this picture was rendered on 'standin'"),
        (
            "preferred_model: schnell",
            "the style of genre 'ink' prefers 'schnell'; this picture was rendered on 'standin'",
        ),
    ],
)
def test_another_base_than_the_wished_one_is_warned_of(text: str, warning: str) -> None:
    made = accepted(style(text), serving="standin")
    assert made.command.variant == "standin"
    assert made.warnings == ("old style", warning)


def test_a_stack_with_a_lost_file_is_refused_where_the_file_is_named() -> None:
    refusal = styled(style(), "line.safetensors").refusal("job")
    assert refusal is not None
    assert (refusal.message, refusal.job_id) == ("ink/visual_style.yaml:5: loras[1].file: it is lost; find it", "job")
    detail: Any = refusal.detail
    [report] = detail["loras"]
    assert (report.name, report.path, report.scale, report.verdict) == (
        "line",
        "/packs/ink/line.safetensors",
        0.5,
        "refused",
    )


def test_a_whole_stack_is_not_refused() -> None:
    assert styled(style()).refusal("job") is None
