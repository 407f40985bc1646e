"""What acceptance makes of a request: the request's word before its tier's, its tier's before the variant's."""

from pathlib import Path
from typing import Any

import pytest

from kilnmark.daemon.asked.accept import accept
from kilnmark.daemon.asked.served import Served
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import InvalidParams, RenderFailed
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.work import RenderCommand
from tests.directories import write_directory


def served(variant: str) -> Served:
    return Served(Settings(socket=Path("/run/kiln/d.sock"), output_dir=Path("/var/kiln"), variant=variant))


HOLDING_TWO = Served(
    Settings(
        socket=Path("/run/kiln/d.sock"),
        output_dir=Path("/var/kiln"),
        bases={"dev": "/models/dev", "schnell": "/models/schnell"},
    )
)


def command(variant: str = "standin", **asked: Any) -> RenderCommand:
    return accept(RenderParams(prompt="a mill", **asked), served(variant), "job").command


def warnings(variant: str = "standin", **asked: Any) -> tuple[str, ...]:
    return accept(RenderParams(prompt="a mill", **asked), served(variant), "job").warnings


def test_a_silent_request_gets_what_the_variant_says() -> None:
    made = command("dev")
    assert (made.width, made.height, made.steps, made.guidance) == (1024, 1024, 12, 3.5)


def test_a_directory_gets_what_its_weights_say(tmp_path: Path) -> None:
    dev, schnell = (str(write_directory(tmp_path / name, guided=name == "dev")) for name in ("dev", "schnell"))
    assert (command(dev).steps, command(dev, guidance=2.0).guidance, warnings(dev, guidance=2.0)) == (12, 2.0, ())
    assert (command(schnell).steps, command(schnell, guidance=2.0).guidance) == (4, 0.0)
    assert warnings(schnell, guidance=2.0) == ("variant 'schnell' takes no guidance; 2 was not used",)


def test_a_directory_of_no_known_family_is_refused_with_its_file_and_the_mend(tmp_path: Path) -> None:
    families = "FLUX.1 or FLUX.2-klein or Z-Image or Krea 2 or FLUX.3-klein or Qwen-Image-2.1"
    said = f"{tmp_path}/transformer holds no safetensors file; give a whole {families} directory"
    with pytest.raises(RenderFailed, match=f"^the base cannot be held: {said}; mend that, then send warm_up"):
        command(str(tmp_path))


def test_a_tier_comes_before_the_variant() -> None:
    made = command("standin", tier="cartography")
    assert (made.width, made.height, made.steps) == (1024, 1024, 20)


def test_the_request_comes_before_its_tier() -> None:
    made = command("dev", tier="portrait", width=512, steps=3, guidance=0.0)
    assert (made.width, made.height, made.steps, made.guidance) == (512, 1024, 3, 0.0)


def test_a_seed_of_zero_is_a_seed_and_a_missing_one_is_drawn() -> None:
    assert command(seed=0).seed == 0
    drawn = {command().seed for _ in range(20)}
    assert len(drawn) > 1
    assert all(0 <= seed < 2**32 for seed in drawn)


def test_a_tier_of_another_variant_is_warned_of() -> None:
    assert warnings("standin", tier="portrait") == (
        "tier 'portrait' was tuned for 'dev'; this picture was rendered on 'standin'",
    )
    assert warnings("dev", tier="portrait") == ()


def test_a_negative_prompt_is_warned_of() -> None:
    assert warnings(negative_prompt="blur") == ("FLUX.1 has no negative prompt; it was not used",)


def test_guidance_on_a_variant_without_is_warned_of_and_not_used() -> None:
    assert command("schnell", guidance=7.0).guidance == 0.0
    assert "7 was not used" in warnings("schnell", guidance=7.0)[0]


def test_an_unknown_tier_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidParams, match=r"'mural'.*tier.*portrait"):
        command(tier="mural")


def test_a_tier_that_is_nearly_one_is_asked_about() -> None:
    with pytest.raises(InvalidParams, match=r"did you mean 'portrait'\?$"):
        command(tier="portrat")


def test_another_known_variant_is_refused_with_the_command_that_serves_it() -> None:
    with pytest.raises(InvalidParams, match=r"serves 'standin'.*kilnmark serve --variant dev"):
        accept(RenderParams(prompt="x", variant="dev"), served("standin"), "job")


def test_an_unknown_variant_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidParams, match=r"'flux-9'.*schnell"):
        accept(RenderParams(prompt="x", variant="flux-9"), served("standin"), "job")


def test_the_served_variant_may_be_named() -> None:
    made = accept(RenderParams(prompt="x", variant="standin"), served("standin"), "job").command
    assert made.width == VARIANTS["standin"].width


def test_a_tier_brings_its_variant_where_the_daemon_may_hold_it() -> None:
    made = accept(RenderParams(prompt="x", tier="text_overlay"), HOLDING_TWO, "job")
    assert (made.command.variant, made.command.steps, made.command.guidance) == ("schnell", 4, 0.0)
    assert made.warnings == ()
    assert accept(RenderParams(prompt="x", tier="portrait"), HOLDING_TWO, "job").command.variant == "dev"


def test_the_requests_variant_comes_before_its_tiers() -> None:
    made = accept(RenderParams(prompt="x", tier="portrait", variant="schnell"), HOLDING_TWO, "job")
    assert (made.command.variant, made.command.guidance) == ("schnell", 0.0)
    assert "tuned for 'dev'; this picture was rendered on 'schnell'" in made.warnings[0]


def test_without_tier_and_variant_it_is_the_one_the_daemon_was_started_with() -> None:
    assert accept(RenderParams(prompt="x"), HOLDING_TWO, "job").command.variant == "standin"


def test_a_directory_that_is_not_listed_is_refused() -> None:
    with pytest.raises(InvalidParams, match=r"'/etc' is no known variant.*'standin', 'dev', 'schnell'"):
        accept(RenderParams(prompt="x", variant="/etc"), HOLDING_TWO, "job")


def test_a_size_that_its_tier_makes_too_large_is_refused() -> None:
    assert command(tier="cartography", width=4096).height == 1024
    with pytest.raises(InvalidParams, match=r"4096x1040.*width"):
        command(tier="cartography", width=4096, height=1040)


def test_the_stack_is_named_by_its_files_in_order() -> None:
    made = command(lora_paths=["b/ink.safetensors", "a/wash.safetensors"], lora_scales=[1.0, 0.5])
    assert made.lora_names == ["ink", "wash"]
    assert (made.stack.source, made.stack.names) == ("paths", ("ink", "wash"))
    assert command().stack.source == "none"
