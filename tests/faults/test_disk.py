"""Disks that are full, fail, are read-only or gone, under pictures and under the journal.

Small disks are mounted for real; where single calls must fail, `preload` lets them.
"""

import errno
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.conftest import SMALL, Message, Wire, running_daemon
from tests.daemon.shuttered import shuttered
from tests.faults.conftest import Found
from tests.faults.forked import Forked, daemon, settings_in
from tests.faults.mortal import Death
from tests.faults.preload import SYNCS, WRITES

STORAGE, JOURNAL = -32006, -32009
LONG: dict[str, Any] = {**SMALL, "steps": 100, "_meta": {"progressToken": "t"}}


@contextmanager
def small_disk(path: Path, megabytes: float) -> Iterator[Path]:
    """A file system of its own, of so many MB."""
    path.mkdir(exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={round(megabytes * 1024)}k,mode=700", "none", path], check=True
    )
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def remount(path: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", path], check=True)


def fill(folder: Path) -> Path:
    """Take all room that is left."""
    path = folder / "ballast"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    return path


def partials(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".partial")]


def patient_result(wire: Wire, asked: dict[str, Any]) -> Message:
    """The picture, once it can be had: a daemon whose journal failed tries it again by and by."""
    deadline = time.monotonic() + 20
    while "error" in (reply := wire.call("render", asked)):
        assert reply["error"]["data"]["retryable"], reply
        assert time.monotonic() < deadline, reply
    result: Message = reply["result"]
    return result


@pytest.mark.faults(
    "the disk of the pictures has less room than a picture may need (8 MB); a real worker",
    "-32006 before a step is painted; painted once there is room",
)
def test_a_full_disk_is_noticed_before_painting(home: Path, found: Found) -> None:
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(home / "disk", 8))
        running = stack.enter_context(shuttered(output_dir=str(disk / "pictures")))
        wire = stack.enter_context(running.warm().wire())
        render = wire.send("render", LONG)
        heard = []
        while "error" not in (message := wire.read()) or message["id"] != render:
            heard.append(message["params"]["message"])
        remount(disk, "size=64m")
        made = wire.result("render", SMALL)
    stages = sorted({words.partition(" ")[0] for words in heard})
    found(f"{message['error']['code']} after {', '.join(stages) or 'nothing'}; then {Path(made['image_path']).suffix}")
    assert (message["error"]["code"], "denoise" in stages) == (STORAGE, False)
    assert "MB are free" in message["error"]["message"]


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EDQUOT], ids=["EIO", "ENOSPC", "EDQUOT"])
@pytest.mark.parametrize("kinds", [WRITES, SYNCS], ids=["write", "sync"])
@pytest.mark.faults(
    "every {id} of a picture's file fails", "-32006 with its reason, nothing is left of the file; the next is painted"
)
def test_a_picture_that_cannot_be_written(home: Path, found: Found, error: int, kinds: int) -> None:
    with daemon(home) as running, running.wire() as wire:
        assert wire.result("render", SMALL)
        with running.control.disk_fails(running.pictures, error, kinds):
            refused = wire.error("render", {**SMALL, "seed": 8, "job_id": "unlucky"})
        failed = running.control.failed
        again = wire.result("render", {**SMALL, "seed": 8, "job_id": "unlucky"})
    left = partials(running.pictures)
    found(f"{failed} calls failed: {refused['code']}; {len(left)} partial files; painted when asked for again")
    assert (refused["code"], left, failed > 0) == (STORAGE, [], True)
    assert os.strerror(error) in refused["message"]
    assert Path(again["image_path"]).is_file()


@pytest.mark.faults("the output folder is removed, again and again", "made again; every picture is painted")
def test_an_output_folder_that_is_removed(home: Path, found: Found) -> None:
    with daemon(home) as running, running.wire() as wire:
        made = 0
        for seed in range(10):
            shutil.rmtree(running.pictures)
            made += Path(wire.result("render", {**SMALL, "seed": seed})["image_path"]).is_file()
        mode = running.pictures.stat().st_mode & 0o777
    found(f"{made} of 10 pictures; the folder's mode {mode:o}")
    assert (made, mode) == (10, 0o700)


@pytest.mark.faults(
    "the file system of the pictures is mounted read-only, and writable again", "-32006, then painted as before"
)
def test_an_output_folder_that_is_read_only(home: Path, found: Found) -> None:
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(home / "disk", 64))
        running = stack.enter_context(daemon(home, output_dir=str(disk / "pictures")))
        wire = stack.enter_context(running.wire())
        assert wire.result("render", SMALL)
        remount(disk, "ro")
        refused = wire.error("render", {**SMALL, "seed": 8})
        remount(disk, "rw")
        again = wire.result("render", {**SMALL, "seed": 8})
    found(f"{refused['code']}: {refused['message'].partition('/')[0].strip()}")
    assert (refused["code"], bool(again)) == (STORAGE, True)


@pytest.mark.faults(
    "the output folder is replaced by a file", "-32006; the file stays as it is; painted once it is gone"
)
def test_an_output_folder_that_is_a_file(home: Path, found: Found) -> None:
    with daemon(home) as running, running.wire() as wire:
        shutil.rmtree(running.pictures, ignore_errors=True)
        running.pictures.write_text("mine")
        refused = wire.error("render", SMALL)
        assert running.pictures.read_text() == "mine"
        running.pictures.unlink()
        again = wire.result("render", SMALL)
    found(f"{refused['code']}, then painted")
    assert (refused["code"], bool(again)) == (STORAGE, True)


@pytest.mark.faults(
    "the daemon is killed in the middle of writing a picture", "the next start sweeps what it left, and nothing younger"
)
def test_partial_pictures_are_swept(home: Path, found: Found) -> None:
    running = Forked(home, settings_in(home), death=Death("hashing a picture", 1))
    running.wait_until_it_answers()
    with running.wire() as wire, suppress(EOFError, ConnectionResetError, BrokenPipeError):
        for seed in range(20):
            wire.result("render", {**SMALL, "seed": seed})
    assert running.ended() == -signal.SIGKILL
    (left,) = partials(running.pictures)
    os.utime(running.pictures / left, (time.time() - 3600,) * 2)
    (running.pictures / f".{'0' * 16}.partial").write_bytes(b"being written by another process")
    with daemon(home):
        after = partials(running.pictures)
    found(f"1 left by the death and swept, {len(after)} younger one stays")
    assert after == [f".{'0' * 16}.partial"]


@pytest.mark.faults("pictures are written with the umask 0", "they are the user's only, and so is their folder")
def test_pictures_are_their_users_only(home: Path, found: Found) -> None:
    before = os.umask(0)
    try:
        with running_daemon(variant="standin") as running, running.wire() as wire:
            made = Path(wire.result("render", SMALL)["image_path"])
            modes = [path.stat().st_mode & 0o777 for path in (made, made.parent)]
    finally:
        os.umask(before)
    found(", ".join(f"{mode:o}" for mode in modes))
    assert modes == [0o600, 0o700]


@pytest.mark.faults(
    "the disk of the journal is full while a render is painted and others come",
    "new renders are refused with -32009 and said to be tried again, what was accepted goes on, `status` tells it; it "
    "recovers by itself and has lost nothing",
)
def test_a_full_disk_of_the_journal(home: Path, found: Found) -> None:
    with small_disk(home / "disk", 8) as disk:
        journal = str(disk / "jobs.sqlite")
        with daemon(home, journal=journal, pace=0.02) as running, running.wire() as wire, running.wire() as other:
            render = wire.send("render", {**LONG, "job_id": "painted"})
            wire.progressed("denoise")
            ballast = fill(disk)
            codes = refused_until(other, JOURNAL)
            state = other.result("status")["journal"]
            picture = wire.reply(render)["result"]["image_path"]
            ballast.unlink()
            recovered = patient_result(other, {**SMALL, "seed": 9000, "job_id": "late"})
            good = other.result("status")["journal"]["state"]
        with daemon(home, journal=journal) as running, running.wire() as wire:
            kept = [wire.result("jobs.get", {"job_id": name})["job"]["state"] for name in ("painted", "late")]
    found(
        f"refused after {codes} more renders that still found room: {state['state']}, {state['problem']}; then {good}"
    )
    found(f"in the next daemon both are {kept[0]}")
    assert (state["state"], good, kept) == ("failing", "good", ["done", "done"])
    assert Path(picture).is_file()
    assert recovered["image_path"]


def refused_until(wire: Wire, code: int) -> int:
    """Renders that are asked for and still taken in before one is refused so."""
    for count in range(20_000):
        asked = {**SMALL, "seed": count, "prompt": "a kiln " * 500, "_meta": {"progressToken": f"f{count}"}}
        render = wire.send("render", asked)
        message = wire.read_until(
            lambda message, count=count, render=render: (  # type: ignore[misc]  # defaults bind the loop's values
                message.get("id") == render or message.get("params", {}).get("progressToken") == f"f{count}"
            )
        )
        if "error" in message:
            assert (message["error"]["code"], message["error"]["data"]["retryable"]) == (code, True), message
            return count
    raise AssertionError("the journal never failed")


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EROFS], ids=["EIO", "ENOSPC", "EROFS"])
@pytest.mark.parametrize("kinds", [WRITES, SYNCS], ids=["write", "sync"])
@pytest.mark.faults(
    "every {id} of the journal fails for a while",
    "-32009, nothing is accepted undurably; it recovers and loses nothing",
)
def test_a_journal_that_fails(home: Path, found: Found, error: int, kinds: int) -> None:
    with daemon(home, pace=0.05) as running, running.wire() as wire:
        before = [wire.result("render", {**SMALL, "seed": seed, "job_id": f"b{seed}"}) for seed in range(3)]
        with running.control.disk_fails(running.journal, error, kinds):
            refused = [wire.error("render", {**LONG, "seed": 10 + i, "job_id": f"r{i}"})["code"] for i in range(3)]
            state = wire.result("status")["journal"]["state"]
            assert wire.result("ping")
        after = patient_result(wire, {**SMALL, "seed": 20, "job_id": "after"})
        running.kill()
    with daemon(home) as running, running.wire() as wire:
        kept = [wire.result("jobs.get", {"job_id": made["job_id"]})["result"] for made in (*before, after)]
    found(f"{running.control.failed or 'some'} calls failed; refused {refused}, {state}; {len(kept)} of 4 jobs kept")
    assert (refused, state) == ([JOURNAL] * 3, "failing")
    assert kept == [*before, after]


@pytest.mark.parametrize("how", ["events are overwritten", "it is cut in half", "its head is overwritten"])
@pytest.mark.faults(
    "the journal on disk is damaged between two lives: {how}",
    "moved aside, kept and told in `status`; the daemon starts, and goes on with what can be read",
)
def test_a_damaged_journal(home: Path, found: Found, how: str) -> None:
    with daemon(home) as running, running.wire() as wire:
        for seed in range(200):
            wire.result("render", {**SMALL, "seed": seed, "job_id": f"j{seed}"})
        running.send(signal.SIGTERM)
        running.ended()
    whole = running.journal.read_bytes()
    half, event = len(whole) // 2, whole.index(b'"job_id":"j100"')
    damaged = {
        "events are overwritten": whole[:event] + os.urandom(20_000) + whole[event + 20_000 :],
        "it is cut in half": whole[:half],
        "its head is overwritten": os.urandom(100) + whole[100:],
    }[how]
    running.journal.write_bytes(damaged)
    with daemon(home) as running, running.wire() as wire:
        aside = wire.result("status")["journal"]["moved_aside"]
        left = wire.result("jobs.list", {"limit": 1000})["jobs"]
        assert wire.result("render", {**SMALL, "seed": 7000})
    found(f"moved to {Path(aside).name[:24]}..., {len(left)} of 200 jobs were read")
    assert Path(aside).read_bytes() == damaged


@pytest.mark.faults(
    "the journal's files are removed while the daemon runs", "noticed at the next event and made again; nothing lost"
)
def test_a_journal_that_is_removed(home: Path, found: Found) -> None:
    with daemon(home) as running, running.wire() as wire:
        wire.result("render", {**SMALL, "job_id": "before"})
        for path in home.glob("jobs.sqlite*"):
            path.unlink()
        patient_result(wire, {**SMALL, "seed": 8, "job_id": "after"})
        deadline = time.monotonic() + 20
        while wire.result("status")["journal"]["state"] != "good":
            assert time.monotonic() < deadline
        running.kill()
    with daemon(home) as running, running.wire() as wire:
        states = [wire.result("jobs.get", {"job_id": name})["job"]["state"] for name in ("before", "after")]
    found(f"both jobs are {' and '.join(states)} in the next daemon")
    assert states == ["done", "done"]


@pytest.mark.faults(
    "the folder of the journal cannot be written when the daemon starts", "it does not start, and says why"
)
def test_a_journal_that_cannot_be_made(home: Path, found: Found) -> None:
    with small_disk(home / "disk", 1) as disk:
        remount(disk, "ro")
        running = Forked(home, settings_in(home, journal=str(disk / "jobs.sqlite")))
        status = running.ended()
    found(f"exit {status}: {json.dumps(running.log.strip()[-90:])}")
    assert (status, "Traceback" in running.log, "--journal" in running.log) == (2, False, True)
