"""Renders through the whole daemon: the picture, the words on the way, the same job twice, and what is refused."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kilnmark.keymaps.zoo.write import make_adapter
from tests.daemon.conftest import SMALL, Daemon, FakeDaemon, Wire
from tests.pinhole import write_for_pinhole

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def ink(daemon: FakeDaemon) -> Path:
    """A healthy adapter of one double and one single block, for the worker that is a fake."""
    return make_adapter(daemon.loras / "ink.safetensors", blocks=1, rank=2)


@pytest.fixture(scope="module")
def wash(painter: Daemon) -> Path:
    """The same for the worker that paints."""
    return write_for_pinhole(painter.loras / "ink.safetensors")


def with_stack(*paths: Path | str, **more: object) -> dict[str, Any]:
    return {**SMALL, "lora_paths": [str(path) for path in paths], "lora_scales": [1.0] * len(paths), **more}


def test_a_render_leaves_a_picture_and_says_how_it_was_made(paints: Wire) -> None:
    result = paints.result("render", {**SMALL, "steps": 2, "guidance": 2.5})
    assert Path(result["image_path"]).read_bytes().startswith(PNG)
    assert (result["seed"], result["steps"], result["guidance"], result["variant"]) == (7, 2, 2.5, "shutter")
    assert (result["loras"], result["warnings"], result["cached"]) == ([], [], False)


def test_the_timings_add_up(paints: Wire) -> None:
    timings = paints.result("render", SMALL)["timings"]
    total = timings.pop("total_ms")
    assert 0 < sum(timings.values()) <= total
    assert all(value >= 0 for value in timings.values())


def test_the_same_seed_gives_the_same_bytes_whatever_was_between(paints: Wire, wash: Path) -> None:
    before = pixels(paints.result("render", SMALL))
    assert pixels(paints.result("render", with_stack(wash))) != before
    assert pixels(paints.result("render", SMALL)) == before


def pixels(result: dict[str, Any]) -> bytes:
    from PIL import Image

    with Image.open(result["image_path"]) as image:
        return image.tobytes()


def test_a_stack_is_reported_adapter_by_adapter(paints: Wire, wash: Path) -> None:
    result = paints.result("render", with_stack("ink.safetensors"))
    [report] = result["loras"]
    assert (report["name"], report["path"], report["verdict"]) == ("ink", str(wash.resolve()), "engaged")
    assert report["matched_key_count"] == report["total_key_count"] > 0
    assert result["stack"] == {
        "source": "paths",
        "genre": None,
        "world": None,
        "tier": None,
        "names": ["ink"],
        "excluded": [],
        "triggers": [],
    }


def test_progress_grows_to_the_end_and_names_every_stage(paints: Wire) -> None:
    id_ = paints.send("render", {**SMALL, "steps": 2, "_meta": {"progressToken": "mine"}})
    seen = []
    while "method" in (message := paints.read()):
        assert message["params"]["progressToken"] == "mine"
        if message["method"] == "notifications/progress":
            seen.append(message["params"])
    assert message["id"] == id_
    values = [note["progress"] for note in seen]
    assert values == sorted(set(values))
    assert values[-1] < seen[-1]["total"]
    stages = [note["message"] for note in seen]
    assert [stage for stage in stages if "denoise" not in stage] == ["adapters", "encode", "decode", "save"]
    assert {"denoise 1/2", "denoise 2/2"} <= set(stages)


def test_a_request_without_a_token_hears_nothing_before_its_reply(wire: Wire) -> None:
    id_ = wire.send("render", SMALL)
    assert wire.read()["id"] == id_


def test_a_queued_request_has_a_heartbeat(daemon: FakeDaemon, wire: Wire) -> None:
    with daemon.wire() as other:
        daemon.worker.hold("denoise")
        first = other.send("render", {**SMALL, "steps": 3, "_meta": {"progressToken": 1}})
        other.progressed("denoise 0/")
        second = wire.send("render", {**SMALL, "_meta": {"progressToken": 2}})
        beat = wire.read_until(lambda message: message.get("method") == "notifications/heartbeat")
        assert beat["params"]["state"] == "queued"
        daemon.worker.hold()
        assert "result" in other.reply(first)
        assert "result" in wire.reply(second)


def test_a_tier_of_another_variant_is_warned_of(wire: Wire) -> None:
    warnings = wire.result("render", {**SMALL, "tier": "portrait", "negative_prompt": "fog"})["warnings"]
    assert warnings == [
        "tier 'portrait' was tuned for 'dev'; this picture was rendered on 'standin'",
        "FLUX.1 has no negative prompt; it was not used",
    ]


def test_the_same_job_twice_is_rendered_once(wire: Wire, daemon: FakeDaemon) -> None:
    daemon.worker.hold("denoise")
    first, second = (wire.send("render", {**SMALL, "job_id": "twice"}) for _ in range(2))
    wire.result("ping")
    daemon.worker.hold()
    replies = {message["id"]: message["result"] for message in (wire.read(), wire.read())}
    assert replies[first] == replies[second]
    again = wire.result("render", {**SMALL, "job_id": "twice"})
    assert again == {**replies[first], "cached": True}


def test_a_job_whose_picture_was_deleted_is_rendered_again(wire: Wire) -> None:
    first = wire.result("render", {**SMALL, "job_id": "deleted"})
    Path(first["image_path"]).unlink()
    again = wire.result("render", {**SMALL, "job_id": "deleted"})
    assert not again["cached"]
    assert Path(again["image_path"]).is_file()


def test_an_id_with_other_parameters_is_refused(wire: Wire) -> None:
    wire.result("render", {**SMALL, "job_id": "taken"})
    error = wire.error("render", {**SMALL, "job_id": "taken", "seed": 8})
    assert (error["code"], error["data"]["job_id"]) == (-32010, "taken")
    assert "$.params.job_id" in error["message"]


def test_a_missing_adapter_is_refused_with_its_report_before_it_waits(wire: Wire, ink: Path) -> None:
    error = wire.error("render", with_stack(ink, "gone.safetensors"))
    assert error["code"] == -32007
    [report] = error["data"]["detail"]["loras"]
    assert (report["name"], report["verdict"]) == ("gone", "refused")
    assert "gone.safetensors" in error["message"]


def test_with_warn_a_missing_adapter_is_reported_and_the_picture_is_made(paints: Wire, wash: Path) -> None:
    result = paints.result("render", with_stack("gone.safetensors", wash, on_mismatch="warn"))
    assert [report["verdict"] for report in result["loras"]] == ["refused", "engaged"]


def test_a_refused_job_can_be_asked_for_again_once_it_is_mended(wire: Wire, daemon: FakeDaemon, ink: Path) -> None:
    asked = with_stack("later.safetensors", job_id="mended")
    assert wire.error("render", asked)["code"] == -32007
    (daemon.loras / "later.safetensors").write_bytes(ink.read_bytes())
    assert wire.result("render", asked)["loras"][0]["verdict"] == "engaged"


def test_a_dead_adapter_stops_the_render_and_is_named(paints: Wire, painter: Daemon, wash: Path) -> None:
    dead = write_for_pinhole(painter.loras / "dead.safetensors", dead=True)
    error = paints.error("render", with_stack(wash, dead))
    assert error["code"] == -32008
    verdicts = {report["name"]: report["verdict"] for report in error["data"]["detail"]["loras"]}
    assert verdicts == {"ink": "engaged", "dead": "noop"}


def _directory(path: Path) -> None:
    path.mkdir()


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _outside(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _truncated(path: Path) -> None:
    make_adapter(path, blocks=1, rank=2)
    os.truncate(path, path.stat().st_size // 2)


def _header_of_a_terabyte(path: Path) -> None:
    path.write_bytes((1 << 40).to_bytes(8, "little") + b"{}")


def _pickle(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x95" + b"\x00" * 64)


def _zipped_checkpoint(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" + b"\x00" * 64)


@pytest.mark.parametrize(
    "make", [_directory, _fifo, _outside, _truncated, _header_of_a_terabyte, _pickle, _zipped_checkpoint]
)
def test_a_file_that_is_no_safe_adapter_is_refused_by_name(
    paints: Wire, painter: Daemon, make: Callable[[Path], None]
) -> None:
    path = painter.loras / f"{make.__name__.strip('_')}.safetensors"
    make(path)
    worker = painter.worker_pid()
    error = paints.error("render", with_stack(path))
    assert error["code"] == -32007
    assert path.stem in error["message"]
    assert error["data"]["detail"]["loras"][0]["verdict"] == "refused"
    assert painter.worker_pid() == worker


def test_a_worker_that_refused_a_file_paints_on(paints: Wire, painter: Daemon, wash: Path) -> None:
    path = painter.loras / "refused.safetensors"
    _truncated(path)
    worker = painter.worker_pid()
    assert paints.error("render", with_stack(path))["code"] == -32007
    assert "result" in paints.call("render", with_stack(wash))
    assert painter.worker_pid() == worker


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"prompt": "  "}, "$.params.prompt"),
        ({"prompt": "x" * 900_000}, "$.params.prompt"),
        ({"steps": 0}, "$.params.steps"),
        ({"steps": 1000}, "$.params.steps"),
        ({"width": 100}, "$.params.width"),
        ({"height": 65}, "$.params.height"),
        ({"width": 4096, "height": 4096}, "$.params.width"),
        ({"tier": "mural"}, "$.params.tier"),
        ({"variant": "flux-9"}, "$.params.variant"),
        ({"variant": "dev"}, "--variant dev"),
        ({"genre": "fantasy"}, "$.params.tier"),
        ({"genre": "fantasy", "tier": "scene"}, "no genre packs"),
        ({"guidance": -1}, "$.params.guidance"),
        ({"seed": -1}, "$.params.seed"),
        ({"job_id": "a b"}, "$.params.job_id"),
        ({"lora_path": "x"}, "lora_paths"),
        ({"lora_paths": ["a", "b"], "lora_scales": [1.0]}, "$.params.lora_scales"),
        ({"lora_paths": ["a"], "lora_scales": [None]}, "$.params.lora_scales[0]"),
        ({"lora_paths": ["a"], "lora_scales": [101]}, "$.params.lora_scales[0]"),
    ],
)
def test_a_wrong_parameter_is_refused_by_its_path(wire: Wire, wrong: dict[str, Any], named: str) -> None:
    error = wire.error("render", {**SMALL, **wrong})
    assert error["code"] == -32602
    assert named in error["message"]


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999"])
def test_a_number_that_is_none_is_not_taken_for_a_scale(wire: Wire, number: bytes) -> None:
    wire.send_bytes(
        b'{"jsonrpc":"2.0","id":1,"method":"render","params":{"prompt":"x","lora_paths":["a"],"lora_scales":[%s]}}\n'
        % number
    )
    assert wire.read()["error"]["code"] in (-32700, -32602)


def test_a_prompt_of_more_than_a_megabyte_is_thrown_away_and_answered(wire: Wire) -> None:
    wire.send("render", {**SMALL, "prompt": "x" * (1 << 20)})
    error = wire.read()["error"]
    assert error["code"] == -32600
    assert str(1 << 20) in error["message"]
