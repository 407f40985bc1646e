"""Adapter files looked at through the whole daemon: the document, what is refused, and that nothing waits for it."""

import asyncio
import json
import os
import threading
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from kilnmark.daemon.asked.inspections import AT_ONCE, DOCUMENT_LIMIT, Inspections
from kilnmark.daemon.asked.served import Served
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import make_adapter, write_tensors
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.inspection import InspectionDocument
from kilnmark.protocol.wire.requests import LoraInspectParams
from tests.client.here import run_here
from tests.daemon.conftest import FakeDaemon, StartDaemon, Wire

METHOD = "lora.inspect"
STATM = Path("/proc/self/statm")


@pytest.fixture(scope="module")
def shelf(daemon: FakeDaemon) -> Path:
    """A folder below the daemon's root: a healthy file, a dead one, a web page, and one at full size."""
    folder = daemon.loras / "shelf"
    folder.mkdir()
    make_adapter(folder / "healthy.safetensors", blocks=1, rank=2)
    make_adapter(folder / "dead.safetensors", blocks=1, rank=2, dead=True)
    make_adapter(folder / "full.safetensors", rank=1, dtype="BF16")
    (folder / "page.safetensors").write_text("<html>log in</html>")
    return folder


def asked(*paths: Path | str, **more: object) -> dict[str, Any]:
    return {"lora_paths": [str(path) for path in paths], **more}


def test_every_file_is_an_entry_in_order_and_a_refused_one_is_no_error(wire: Wire, shelf: Path) -> None:
    names = ("healthy", "page", "dead", "absent")
    document = wire.result(METHOD, asked(*(f"shelf/{name}.safetensors" for name in names)))
    assert [file["verdict"] for file in document["files"]] == ["engaged", "refused", "noop", "refused"]
    assert document["files"][0]["path"] == str((shelf / "healthy.safetensors").resolve())
    assert document["files"][3]["path"] == "shelf/absent.safetensors"
    assert "web page" in document["files"][1]["reason"]


def test_the_document_is_that_of_the_command_line(wire: Wire, shelf: Path) -> None:
    files = [shelf / "healthy.safetensors", shelf / "dead.safetensors"]
    printed = run_here("lora", "inspect", *files, "--json").stdout
    assert wire.result(METHOD, asked(*files, targets=True)) == json.loads(printed)


def test_layers_are_listed_only_when_they_are_asked_for(wire: Wire, shelf: Path) -> None:
    path = shelf / "healthy.safetensors"
    [quiet] = wire.result(METHOD, asked(path))["files"]
    [listed] = wire.result(METHOD, asked(path, targets=True))["files"]
    assert (quiet["targets"], len(listed["targets"])) == ([], 20)
    assert quiet | {"targets": listed["targets"]} == listed


def test_nothing_outside_the_adapter_roots_is_opened(wire: Wire, shelf: Path, tmp_path: Path) -> None:
    outside = make_adapter(tmp_path / "outside.safetensors", blocks=1, rank=1)
    (shelf / "link.safetensors").symlink_to(outside)
    files = wire.result(METHOD, asked(outside, "shelf/link.safetensors", shelf))["files"]
    assert [(file["verdict"], file["sha256"]) for file in files] == [("refused", "")] * 3
    assert ["outside the adapter roots" in file["reason"] for file in files] == [True, True, False]
    assert "is a directory" in files[2]["reason"]


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({}, "$.params.lora_paths"),
        ({"lora_paths": []}, "$.params.lora_paths"),
        ({"lora_paths": ["a"] * 65}, "$.params.lora_paths"),
        ({"lora_paths": ["a", ""]}, "$.params.lora_paths[1]"),
        ({"lora_paths": "a"}, "$.params.lora_paths"),
        ({"lora_path": "a"}, "$.params.lora_path"),
        ({"lora_paths": ["a"], "lora_scales": [1.0]}, "$.params.lora_scales"),
        ({"lora_paths": ["a"], "targets": 1}, "$.params.targets"),
        ({"lora_paths": ["a"], "variant": "moon"}, "$.params.variant"),
        ({"lora_paths": ["a"], "variant": "clip_l"}, "$.params.variant"),
    ],
)
def test_wrong_parameters_are_named_by_their_path(wire: Wire, params: dict[str, Any], path: str) -> None:
    error = wire.error(METHOD, params)
    assert (error["code"], f"`{path}`" in error["message"]) == (-32602, True)


def test_a_file_is_judged_for_the_variant_that_is_named(wire: Wire, daemon: FakeDaemon) -> None:
    path = make_adapter(daemon.loras / "z.safetensors", shapes=load_shapes("z-image-turbo"), blocks=1, rank=1)
    verdicts = {
        variant: wire.result(METHOD, asked(path, variant=variant))["files"][0]["verdict"]
        for variant in ("standin", "krea-dev", "flux2-klein-4b", "z-image-turbo")
    }
    assert verdicts.pop("z-image-turbo") == "engaged"
    assert set(verdicts.values()) == {"refused"}


def test_the_connections_other_requests_go_on_meanwhile(wire: Wire, shelf: Path) -> None:
    meta = {"progressToken": "t"}
    inspection = wire.send(METHOD, asked(*[shelf / "full.safetensors"] * 3, _meta=meta))
    wire.progressed("inspect 1/3")
    ping = wire.send("ping")
    replies = [wire.read_until(lambda message: "method" not in message)["id"] for _ in range(2)]
    assert replies == [ping, inspection]


def test_progress_names_every_file(wire: Wire) -> None:
    inspection = wire.send(METHOD, asked("a", "b", "c", _meta={"progressToken": "t"}))
    seen = []
    while "method" in (message := wire.read()):
        if message["method"] == "notifications/progress":  # and no beat, where a machine is busy
            params = message["params"]
            seen.append((params["progress"], params["total"], params["message"]))
    assert message["id"] == inspection
    assert seen == [(0, 3, "inspect 1/3"), (1, 3, "inspect 2/3"), (2, 3, "inspect 3/3")]


def test_a_cancelled_inspection_ends_at_once_and_the_next_is_answered(wire: Wire, shelf: Path) -> None:
    inspection = wire.send(METHOD, asked(*[shelf / "full.safetensors"] * 64, _meta={"progressToken": "t"}))
    wire.progressed("inspect 2/64")
    wire.send("notifications/cancelled", {"requestId": inspection, "reason": "enough"}, id=None)
    error = wire.reply(inspection)["error"]
    assert (error["code"], "enough" in error["message"]) == (-32800, True)
    assert len(wire.result(METHOD, asked("shelf/healthy.safetensors"))["files"]) == 1


def test_no_base_is_needed(start_daemon: StartDaemon, tmp_path: Path) -> None:
    daemon = start_daemon(variant=str(tmp_path / "no-such-model"), keep_failed=True)
    make_adapter(daemon.loras / "a.safetensors", blocks=1, rank=1)
    with daemon.wire() as wire:
        [file] = wire.result(METHOD, asked("a.safetensors", variant="dev"))["files"]
        assert wire.result("status")["base"] is None
        untold = wire.error(METHOD, asked("a.safetensors"))
    assert (file["verdict"], file["target_count"]) == ("engaged", 20)
    assert untold["code"] == -32602
    assert "no-such-model/transformer holds no safetensors file" in untold["message"]
    assert "or name the variant to look at files for" in untold["message"]


@pytest.fixture
def inspections(tmp_path: Path) -> Inspections:
    """Of a daemon whose adapter root is the test's folder."""
    settings = Settings(socket=tmp_path / "d.sock", output_dir=tmp_path, lora_roots=(tmp_path,), variant="schnell")
    return Inspections(settings, Served(settings))


def nothing(_done: int, _count: int) -> None:
    """Nobody wants to know."""


def test_never_more_than_two_files_are_read_at_a_time(inspections: Inspections, tmp_path: Path) -> None:
    path = str(make_adapter(tmp_path / "a.safetensors", blocks=1, rank=1))
    before = set(threading.enumerate())

    async def many() -> None:
        params = LoraInspectParams(lora_paths=[path] * 4)
        await asyncio.gather(*(inspections.answer(params, nothing) for _ in range(6)))

    asyncio.run(many())
    readers = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("inspect")]
    assert len(readers) == AT_ONCE == 2


@pytest.mark.slow
@pytest.mark.skipif(not STATM.exists(), reason="only Linux tells a process how large it is")
def test_the_memory_of_a_file_is_given_back(inspections: Inspections, tmp_path: Path) -> None:
    path = make_adapter(tmp_path / "a.safetensors", rank=16, dtype="BF16")
    size, before = path.stat().st_size, resident()
    asyncio.run(inspections.answer(LoraInspectParams(lora_paths=[str(path)] * 2), nothing))
    assert resident() - before < size


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_an_inspection_that_is_given_up_reads_no_further_file(inspections: Inspections, tmp_path: Path) -> None:
    path = str(make_adapter(tmp_path / "a.safetensors", blocks=1, rank=1))
    begun: list[int] = []

    async def give_up() -> None:
        def note(done: int, _count: int) -> None:
            begun.append(done)
            if done == 1:
                task.cancel()

        task = asyncio.create_task(inspections.answer(LoraInspectParams(lora_paths=[path] * 9), note))
        with pytest.raises(asyncio.CancelledError):
            await task
        await inspections.answer(LoraInspectParams(lora_paths=[path]), nothing)

    asyncio.run(give_up())
    assert begun == [0, 1]


def test_the_daemons_own_variant_is_meant_when_none_is_named(inspections: Inspections, tmp_path: Path) -> None:
    guidance = "lora_unet_guidance_in_in_layer"
    tensors = {
        f"{guidance}.lora_down.weight": np.ones((2, 256), np.float32),
        f"{guidance}.lora_up.weight": np.ones((3072, 2), np.float32),
    }
    path = str(write_tensors(tmp_path / "a.safetensors", tensors))

    def verdict(variant: str | None) -> str:
        raw = asyncio.run(inspections.answer(LoraInspectParams(lora_paths=[path], variant=variant), nothing))
        return msgspec.json.decode(raw, type=InspectionDocument).files[0].verdict

    assert verdict("dev") == "engaged"
    assert verdict(None) == verdict("schnell") != "engaged"


def test_a_reply_that_a_connection_could_not_carry_is_refused_with_what_to_do(
    inspections: Inspections, tmp_path: Path
) -> None:
    entries = {f"{place:03d}{chr(1) * 297}": chr(1) * 300 for place in range(100)}
    path = str(write_tensors(tmp_path / "a.safetensors", {"k": np.ones(1, np.float32)}, metadata=entries))
    one = asyncio.run(inspections.answer(LoraInspectParams(lora_paths=[path]), nothing))
    assert len(bytes(one)) < DOCUMENT_LIMIT
    with pytest.raises(InvalidParams, match=r"lora_paths.*fewer files"):
        asyncio.run(inspections.answer(LoraInspectParams(lora_paths=[path] * 9), nothing))
