"""Pictures that were made before: when one is the answer again, and when it is painted anew."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from kilnmark.daemon.asked.accept import accept
from kilnmark.daemon.asked.served import Served
from kilnmark.daemon.pictures.cache import PictureCache, read_record
from kilnmark.daemon.pictures.hashes import Seen
from kilnmark.engine.run.saver import write_picture
from kilnmark.keymaps.files.identity import FileIdentity
from kilnmark.keymaps.files.outputs import OutputFolder
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.record import PictureRecord
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.replies import RenderResult, Timings
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.work import RenderCommand
from tests.daemon.conftest import SMALL, FakeDaemon, Wire

LIMIT = 1 << 30


@pytest.fixture(scope="module")
def keeping() -> Iterator[FakeDaemon]:
    """A warm daemon that remembers its pictures, with two adapters that are older than its first render."""
    with FakeDaemon(cache_bytes=LIMIT, queue_limit=2) as daemon:
        (daemon.loras / "peft").mkdir()
        make_adapter(daemon.loras / "peft" / "adapter_model.safetensors", blocks=1, rank=2, seed=1)
        (daemon.loras / "peft" / "adapter_config.json").write_text('{"r": 2, "lora_alpha": 4}')
        ink = make_adapter(daemon.loras / "ink.safetensors", blocks=1, rank=2, seed=1)
        shutil.copy(daemon.loras / "ink.safetensors", daemon.loras / "same-ink.safetensors")
        make_adapter(daemon.loras / "dead.safetensors", blocks=1, rank=2, dead=True)
        daemon.worker.script.verdicts["dead"] = Verdict.NOOP
        while not FileIdentity.of(str(ink)).is_settled(time.time_ns()):
            pass
        yield daemon.warm()


@pytest.fixture
def caller(keeping: FakeDaemon) -> Iterator[Wire]:
    with keeping.wire() as wire:
        yield wire


def asked(seed: int, *stack: str, **more: object) -> dict[str, Any]:
    """A request of its own seed, so that no other test's picture is its answer."""
    paths = [f"{name}.safetensors" for name in stack]
    return {**SMALL, "seed": seed, "lora_paths": paths, "lora_scales": [1.0] * len(paths), **more}


def test_the_same_request_again_is_answered_with_the_picture_of_the_first(caller: Wire, keeping: FakeDaemon) -> None:
    first = caller.result("render", asked(1, "ink"))
    before = keeping.status()
    again = caller.result("render", asked(1, "ink"))
    after = keeping.status()
    assert not first["cached"]
    assert {name for name in first if first[name] != again[name]} == {"job_id", "timings", "cached"}
    assert again["cached"]
    assert [name for name, ms in again["timings"].items() if ms] == ["total_ms"]
    assert (after["rendered"], after["cache"]["hits"]) == (before["rendered"], before["cache"]["hits"] + 1)


def test_the_cache_is_counted_in_pictures_and_their_bytes(caller: Wire, keeping: FakeDaemon) -> None:
    before = keeping.status()["cache"]
    picture = Path(caller.result("render", asked(2))["image_path"])
    after = keeping.status()["cache"]
    assert after["entries"] == before["entries"] + 1
    assert after["bytes"] == before["bytes"] + picture.stat().st_size
    assert after["limit_bytes"] == LIMIT


def test_an_adapter_of_the_same_content_elsewhere_is_the_same_adapter(caller: Wire) -> None:
    caller.result("render", asked(30, "same-ink"))
    first = caller.result("render", asked(3, "ink"))
    again = caller.result("render", asked(3, "same-ink"))
    assert (again["cached"], again["image_path"]) == (True, first["image_path"])
    assert (again["stack"]["names"], again["loras"]) == (["same-ink"], first["loras"])


def test_what_happens_on_a_mismatch_does_not_matter_where_there_is_none(caller: Wire) -> None:
    caller.result("render", asked(4, "ink"))
    assert caller.result("render", asked(4, "ink", on_mismatch="warn"))["cached"]


@pytest.mark.parametrize(
    "more",
    [
        {"cache": False},
        {"seed": None},
        {"seed": 50},
        {"prompt": "tor at night"},
        {"negative_prompt": "fog"},
        {"steps": 2},
        {"guidance": 1.0},
        {"height": 80},
        {"lora_scales": [0.5]},
        {"lora_paths": [], "lora_scales": []},
        {"lora_block_scales": [{"double": 0.5}]},
    ],
    ids=" ".join,
)
def test_another_request_is_painted(caller: Wire, more: dict[str, Any]) -> None:
    first = caller.result("render", asked(5, "ink"))
    other = caller.result("render", {**asked(5, "ink"), **more})
    assert not other["cached"]
    assert other["image_path"] != first["image_path"]


def test_the_same_scales_by_blocks_in_another_order_are_the_same_picture(caller: Wire) -> None:
    blocks = {"double": 0.5, "single.0": 0.25}
    first = caller.result("render", asked(8, "ink", lora_block_scales=[blocks]))
    again = caller.result("render", asked(8, "ink", lora_block_scales=[dict(reversed(blocks.items()))]))
    other = caller.result("render", asked(8, "ink", lora_block_scales=[blocks | {"double": 0.6}]))
    assert (again["cached"], again["image_path"], other["cached"]) == (True, first["image_path"], False)


def test_a_picture_painted_anew_is_the_answer_from_then_on(caller: Wire) -> None:
    caller.result("render", asked(6))
    anew = caller.result("render", asked(6, cache=False))
    assert caller.result("render", asked(6))["image_path"] == anew["image_path"]


def test_an_adapter_that_was_changed_is_painted_anew(caller: Wire, keeping: FakeDaemon) -> None:
    changing = make_adapter(keeping.loras / "changing.safetensors", blocks=1, rank=2, seed=1)
    first = caller.result("render", asked(7, "changing"))
    make_adapter(changing, blocks=1, rank=2, seed=2)
    again = caller.result("render", asked(7, "changing"))
    assert not again["cached"]
    assert again["loras"][0]["sha256"] != first["loras"][0]["sha256"]


def test_an_adapter_with_another_config_beside_it_is_painted_anew(caller: Wire, keeping: FakeDaemon) -> None:
    first, again = (caller.result("render", asked(30, "peft/adapter_model")) for _ in range(2))
    assert (again["cached"], len(first["loras"][0]["config_sha256"])) == (True, 64)
    (keeping.loras / "peft" / "adapter_config.json").write_text('{"r": 2, "lora_alpha": 6}')
    changed = caller.result("render", asked(30, "peft/adapter_model"))
    assert not changed["cached"]
    assert changed["loras"][0]["sha256"] != first["loras"][0]["sha256"]


def test_a_picture_with_an_adapter_that_did_not_engage_is_painted_anew(caller: Wire) -> None:
    for _ in range(2):
        result = caller.result("render", asked(8, "dead", on_mismatch="warn"))
        assert (result["cached"], result["loras"][0]["verdict"]) == (False, "noop")


def test_a_picture_that_was_removed_is_painted_anew_and_kept_again(caller: Wire) -> None:
    first = caller.result("render", asked(9))
    Path(first["image_path"]).unlink()
    again = caller.result("render", asked(9))
    assert (again["cached"], Path(again["image_path"]).is_file()) == (False, True)
    assert caller.result("render", asked(9))["cached"]


def test_an_equal_request_of_a_job_that_asks_again_by_its_name_keeps_its_name(caller: Wire) -> None:
    caller.result("render", asked(10))
    named = caller.result("render", asked(10, job_id="by-name"))
    assert (named["job_id"], named["cached"]) == ("by-name", True)
    assert caller.result("render", asked(10, job_id="by-name")) == named


# The picture's own word, without a daemon.

BASE = BaseInfo(
    variant="standin",
    fingerprint="f" * 64,
    precision="float32",
    quantize=None,
    backend="cpu",
    target_count=494,
    memory_bytes=0,
    load_ms=0.0,
    mlx_version="1",
    mflux_version="2",
)
NO_FILES = Seen((), at_ns=0)


def command(**more: Any) -> RenderCommand:
    settings = Settings(socket=Path("/run/d.sock"), output_dir=Path("/var/kiln"))
    return accept(RenderParams(**{**SMALL, **more}), Served(settings), "job").command


def picture(folder: Path, made: RenderCommand, **more: Any) -> Path:
    """A picture that says that it was made so."""
    facts = {name: getattr(made, name) for name in ("prompt", "negative_prompt", "tier", "seed", "steps", "guidance")}
    facts |= {"width": made.width, "height": made.height, "stack": made.stack, "loras": [], "base": BASE}
    facts |= {"kilnmark_version": "0.1.0", "created": "2026-01-01T00:00:00.000+00:00", "job_id": f"s{made.seed}"}
    record = PictureRecord(**{**facts, **more})
    return write_picture(Image.new("RGB", (made.width, made.height)), record, OutputFolder(folder)).path


def kept(cache: PictureCache, made: RenderCommand, path: Path) -> str:
    """Keep a picture as one of that command; its key."""
    facts = {name: getattr(made, name) for name in ("job_id", "prompt", "width", "height", "seed", "steps", "guidance")}
    result = RenderResult(
        image_path=str(path), variant="standin", timings=Timings(), loras=[], stack=made.stack, **facts
    )
    cache.keep(made, NO_FILES, BASE, result)
    key = cache.key_of(made, NO_FILES, BASE)
    assert key is not None
    return key


def is_taken(cache: PictureCache, key: str) -> bool:
    return asyncio.run(cache.take(key)) is not None


def test_a_picture_that_says_what_was_asked_is_taken(tmp_path: Path) -> None:
    cache = PictureCache(LIMIT)
    assert is_taken(cache, kept(cache, command(), picture(tmp_path, command())))
    assert cache.info.hits == 1


@pytest.mark.parametrize(
    "says",
    [
        {"seed": 8},
        {"kilnmark_version": "0.0.9"},
        {"base": msgspec.structs.replace(BASE, fingerprint="0" * 64)},
        {"base": msgspec.structs.replace(BASE, mflux_version="3")},
    ],
    ids=" ".join,
)
def test_a_picture_that_says_otherwise_is_forgotten(tmp_path: Path, says: dict[str, Any]) -> None:
    cache = PictureCache(LIMIT)
    key = kept(cache, command(), picture(tmp_path, command(), **says))
    assert not is_taken(cache, key)
    assert (cache.info.entries, cache.info.hits) == (0, 0)


def _written_to(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _touched(path: Path) -> None:
    os.utime(path, ns=(0, 0))


def _removed(path: Path) -> None:
    path.unlink()


def _a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("change", [_written_to, _touched, _removed, _a_fifo])
def test_a_picture_that_is_not_what_it_was_is_forgotten_and_left_alone(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    cache = PictureCache(LIMIT)
    path = picture(tmp_path, command())
    key = kept(cache, command(), path)
    change(path)
    assert not is_taken(cache, key)
    assert cache.info.entries == 0
    assert path.exists() is (change is not _removed)


def test_on_another_base_nothing_is_known(tmp_path: Path) -> None:
    cache = PictureCache(LIMIT)
    kept(cache, command(), picture(tmp_path, command()))
    other = msgspec.structs.replace(BASE, fingerprint="0" * 64)
    assert cache.key_of(command(), NO_FILES, other) is None
    assert cache.key_of(command(), NO_FILES, None) is None


def test_with_a_limit_of_zero_nothing_is_kept(tmp_path: Path) -> None:
    cache = PictureCache(0)
    with pytest.raises(AssertionError):
        kept(cache, command(), picture(tmp_path, command()))
    assert cache.info.entries == 0


@pytest.mark.parametrize("bytes_", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n\x00\x00\x00\x01iT"])
def test_what_is_no_picture_of_ours_has_no_record(tmp_path: Path, bytes_: bytes) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(bytes_)
    assert read_record(path) is None


def test_a_picture_of_another_program_has_no_record(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    Image.new("RGB", (8, 8)).save(path)
    assert read_record(path) is None


def test_a_record_cut_at_any_byte_is_no_record_of_another_picture(tmp_path: Path) -> None:
    whole = picture(tmp_path, command()).read_bytes()
    path = tmp_path / "cut.png"
    for end in range(0, min(len(whole), 2000), 7):
        path.write_bytes(whole[:end])
        record = read_record(path)
        assert record is None or record.seed == SMALL["seed"]


def test_a_full_queue_still_answers_with_a_picture_made_before(caller: Wire, keeping: FakeDaemon) -> None:
    first = caller.result("render", asked(41, "ink"))
    with keeping.wire() as other:
        keeping.worker.hold("denoise")
        long = other.send("render", {**asked(42), "steps": 100, "_meta": {"progressToken": "t"}})
        other.progressed("denoise 0/")
        waiting = [other.send("render", asked(seed)) for seed in (43, 44)]
        other.result("ping")
        assert caller.error("render", asked(45))["code"] == -32001
        assert caller.error("render", asked(45, "ink"))["code"] == -32001
        again = caller.result("render", asked(41, "ink"))
        assert (again["image_path"], again["cached"]) == (first["image_path"], True)
        for id_ in (*waiting, long):
            other.send("$/cancelRequest", {"id": id_}, id=None)
            assert other.reply(id_)["error"]["code"] == -32800
        keeping.worker.hold()


def test_a_picture_whose_adapters_were_not_probed_is_no_answer_to_who_wants_that(caller: Wire) -> None:
    caller.result("render", asked(51, "ink"))
    plain = caller.result("render", {**asked(51, "ink"), "lora_scales": [0.5]})
    assert plain["loras"][0]["probe_divergence"] is None
    probed = caller.result("render", {**asked(51, "ink"), "lora_scales": [0.5], "probe": True})
    assert not probed["cached"]
    assert probed["loras"][0]["probe_divergence"] > 0
    assert caller.result("render", {**asked(51, "ink"), "lora_scales": [0.5], "probe": True})["cached"]
