"""Paths that lead where they must not, files that are no files, and files that change while they are used.

Somebody with the user's own rights swaps links, rewrites adapters and exchanges pictures; nothing outside the roots is
read, nothing half old and half new is believed, and no picture is taken for another.
"""

import json
import os
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kilnmark.keymaps.zoo.write import make_adapter
from tests.client.batch.packs import SmallPacks, make_packs
from tests.client.here import KILNMARK
from tests.daemon.conftest import SMALL, Daemon, Message, running_daemon
from tests.faults.astray import HOSTILE, SECRET, Places
from tests.faults.conftest import Found
from tests.faults.forked import Forked, daemon

REFUSED = (-32602, -32007)


@pytest.fixture
def places(home: Path) -> Places:
    return Places(home)


@contextmanager
def served(home: Path, places: Places, **settings: Any) -> Iterator[Forked]:
    with daemon(home, lora_roots=[str(places.root)], **settings) as running:
        yield running


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.faults(
    "an adapter's path: {name}",
    "refused within a second by render and inspection; nothing of what stands there is told",
)
def test_hostile_paths(home: Path, places: Places, found: Found, name: str) -> None:
    path = HOSTILE[name](places)
    with served(home, places) as running, running.wire() as wire:
        began = time.monotonic()
        error = wire.error("render", {**SMALL, "lora_paths": [path], "lora_scales": [1.0]})
        inspected = wire.call("lora.inspect", {"lora_paths": [path]})
        took = time.monotonic() - began
    verdict = verdict_of(inspected)
    found(f"{error['code']}, inspection {verdict}, {took * 1e3:.0f} ms")
    assert (error["code"] in REFUSED, verdict in (*REFUSED, "refused"), took < 2) == (True, True, True)
    assert SECRET not in json.dumps([error, inspected])
    assert "root:" not in json.dumps([error, inspected])


def verdict_of(reply: Message) -> object:
    """The code of an inspection that was refused whole, or what it says of its one file."""
    if "error" in reply:
        return reply["error"]["code"]
    (adapter,) = reply["result"]["adapters"] if "adapters" in reply["result"] else reply["result"]["files"]
    return adapter["verdict"]


@contextmanager
def going_on(act: Callable[[], None]) -> Iterator[Counter[str]]:
    """Somebody does this again and again meanwhile; how often."""
    over, done = threading.Event(), Counter[str]()

    def go_on() -> None:
        while not over.is_set():
            act()
            done["times"] += 1

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield done
    finally:
        over.set()
        thread.join(10)


def swap_link(at: Places) -> None:
    """The adapter is a link out of the root for a moment."""
    link = at.root / "link"
    link.symlink_to(at.secret)
    link.replace(at.adapter)
    shutil.copyfile(at.root / "kept", at.root / "again")
    (at.root / "again").replace(at.adapter)


def swap_folder(at: Places) -> None:
    """Its folder is a link out of the root for a moment."""
    (at.root / "box").rename(at.root / "aside")
    (at.root / "box").symlink_to(at.outside)
    (at.root / "box").unlink()
    (at.root / "aside").rename(at.root / "box")


RACE = 6.0
"""Seconds of each race."""


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("swap", "path"),
    [
        pytest.param(swap_link, "good.safetensors", id="an adapter"),
        pytest.param(swap_folder, "box/good.safetensors", id="its folder"),
    ],
)
@pytest.mark.faults(
    "for 6 s {id} is swapped for a link out of the root and back, while the adapter is inspected and rendered",
    "nothing outside is read, ever; every answer is the adapter's or a refusal",
)
def test_swapped_between_check_and_use(
    home: Path, places: Places, found: Found, swap: Callable[[Places], None], path: str
) -> None:
    (places.root / "box").mkdir()
    shutil.copyfile(places.adapter, places.root / "box" / "good.safetensors")
    shutil.copyfile(places.adapter, places.root / "kept")
    answers: Counter[str] = Counter()
    with served(home, places) as running, running.wire() as wire, going_on(lambda: swap(places)) as swaps:
        until = time.monotonic() + RACE
        while time.monotonic() < until:
            inspected = wire.call("lora.inspect", {"lora_paths": [path]})
            rendered = wire.call("render", {**SMALL, "lora_paths": [path], "lora_scales": [1.0], "cache": False})
            text = json.dumps([inspected, rendered])
            answers["read outside"] += SECRET in text
            answers["inspected"] += str(verdict_of(inspected)) not in ("refused", *map(str, REFUSED))
            answers["rendered"] += "result" in rendered
            answers["internal errors"] += any(r.get("error", {}).get("code") == -32603 for r in (inspected, rendered))
            answers["asked"] += 1
    found(f"{swaps['times']} swaps; {dict(answers)}")
    assert (answers["read outside"], answers["internal errors"], swaps["times"] > 100) == (0, 0, True)
    assert answers["asked"] > 50


@pytest.fixture(scope="module")
def painter() -> Iterator[Daemon]:
    """One that really paints."""
    with running_daemon(variant="standin") as running:
        yield running.warm()


def rewrite_in_place(path: Path, versions: list[bytes]) -> None:
    """The same inode gets other bytes, piece by piece."""
    data = versions[int(time.monotonic() * 50) % 2]
    with path.open("r+b") as file:
        for start in range(0, len(data), 1 << 16):
            file.seek(start)
            file.write(data[start : start + (1 << 16)])
            file.flush()
            time.sleep(0.001)


def replace_whole(path: Path, versions: list[bytes]) -> None:
    other = path.with_name("other")
    other.write_bytes(versions[int(time.monotonic() * 50) % 2])
    other.replace(path)


def truncate_and_write(path: Path, versions: list[bytes]) -> None:
    path.write_bytes(versions[int(time.monotonic() * 50) % 2])


@pytest.mark.timeout(200)
@pytest.mark.parametrize(
    "how",
    [
        pytest.param(rewrite_in_place, id="rewritten in place"),
        pytest.param(replace_whole, id="replaced by another file"),
        pytest.param(truncate_and_write, id="truncated and written"),
    ],
)
@pytest.mark.faults(
    "an adapter is {id} with other numbers, on and on, while a real worker renders with it",
    "each render is of bytes read once, by their hash, or refused; the worker lives, nothing is half engaged",
)
def test_an_adapter_that_changes_during_use(
    painter: Daemon, found: Found, how: Callable[[Path, list[bytes]], None], tmp_path: Path
) -> None:
    import hashlib

    path = painter.loras / f"{how.__name__}.safetensors"
    versions = [make_adapter(tmp_path / f"{i}.safetensors", rank=1, blocks=1, seed=i).read_bytes() for i in (1, 2)]
    allowed = (
        {"another hash"} if how is rewrite_in_place else set()
    )  # of bytes that were there: partly one, partly both
    hashes = {hashlib.sha256(version).hexdigest() for version in versions}
    path.write_bytes(versions[0])
    outcomes: Counter[str] = Counter()
    with painter.wire() as wire, going_on(lambda: how(path, versions)) as writes:
        worker = painter.worker_pid()
        for seed in range(6):
            reply = wire.call("render", {**SMALL, "seed": seed, "lora_paths": [path.name], "lora_scales": [1.0]})
            if "error" in reply:
                outcomes[str(reply["error"]["code"])] += 1
                continue
            (report,) = reply["result"]["loras"]
            outcomes["a whole version" if report["sha256"] in hashes else "another hash"] += 1
            outcomes[f"verdict {report['verdict']}"] += 1
        assert painter.worker_pid() == worker
    path.write_bytes(versions[0])
    with painter.wire() as wire:
        made = wire.result("render", {**SMALL, "seed": 99, "lora_paths": [path.name], "lora_scales": [1.0]})
    found(f"{writes['times']} writes, 6 renders: {dict(outcomes)}")
    assert set(outcomes) <= {"a whole version", "verdict engaged", "-32007", "-32602", *allowed}
    assert made["loras"][0]["verdict"] == "engaged"


@pytest.mark.faults(
    "the folder of an adapter comes and goes while renders with it are asked for, for 4 s",
    "a picture, or a refusal that names the file; never an internal error",
)
def test_a_folder_that_comes_and_goes(home: Path, places: Places, found: Found) -> None:
    (places.root / "box").mkdir()
    shutil.copyfile(places.adapter, places.root / "box" / "a.safetensors")

    def come_and_go() -> None:
        (places.root / "box").rename(places.outside / "box")
        (places.outside / "box").rename(places.root / "box")

    outcomes: Counter[str] = Counter()
    with served(home, places) as running, running.wire() as wire, going_on(come_and_go) as times:
        until, seed = time.monotonic() + 4, 0
        while time.monotonic() < until:
            seed += 1
            reply = wire.call(
                "render", {**SMALL, "seed": seed, "lora_paths": ["box/a.safetensors"], "lora_scales": [1.0]}
            )
            outcomes[str(reply["error"]["code"]) if "error" in reply else "painted"] += 1
            if "error" in reply:
                assert "a.safetensors" in reply["error"]["message"], reply
        traces = running.log.count("Traceback")
    found(f"{times['times']} times gone; {dict(outcomes)}, {traces} tracebacks in the log")
    assert (set(outcomes) <= {"painted", "-32007", "-32602"}, traces) == (True, 0)


@pytest.mark.faults(
    "a picture in the daemon's folder is overwritten after it was made",
    "not given again as the result of its job or from the picture cache: painted anew",
)
def test_an_overwritten_picture(home: Path, found: Found) -> None:
    with daemon(home, cache_bytes=1 << 30) as running, running.wire() as wire:
        first = wire.result("render", {**SMALL, "job_id": "a"})
        path = Path(first["image_path"])
        path.write_bytes(b"another picture")
        by_id = wire.result("render", {**SMALL, "job_id": "a"})
        by_cache = wire.result("render", SMALL)
    found(f"by its job: cached {by_id['cached']}; by the cache: {Path(by_cache['image_path']).name != path.name}")
    assert (by_id["cached"], by_id["image_path"] != str(path)) == (False, True)
    assert by_cache["image_path"] != str(path)


def batch(packs: SmallPacks, running: Forked, out: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    command = [KILNMARK, "batch", "poi", "--packs", str(packs.root), "--out", str(out), "--socket", str(running.socket)]
    command += ["--lora-root", str(packs.root), *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def pictures_of(out: Path) -> dict[str, Message]:
    manifest = msgspec.json.decode((out / "manifest.json").read_bytes())
    return {Path(picture["file"]).stem: picture for picture in manifest["pictures"]}


@pytest.mark.faults(
    "two pictures are exchanged in the daemon's folder before a batch that was stopped goes on; a third is damaged",
    "each is taken only for what its record and hash show; all are right in the end",
)
def test_exchanged_pictures(home: Path, found: Found) -> None:
    from kilnmark.client.batch.run.ledger import read_record

    packs = make_packs(home / "packs", base_seed=1)
    with daemon(home) as running:
        first = batch(packs, running, home / "first")
        assert first.returncode == 0, first.stderr
        one, two, three = sorted(running.pictures.glob("*.png"))
        kept = one.read_bytes()
        one.write_bytes(two.read_bytes())
        two.write_bytes(kept)
        three.write_bytes(three.read_bytes()[:-40])
        again = batch(packs, running, home / "second")
        made = pictures_of(home / "second")
    shown = {name: read_record(home / "second" / picture["file"]) for name, picture in made.items()}
    right = [name for name, record in shown.items() if record is not None and record.prompt == made[name]["prompt"]]
    found(f"exit {again.returncode}, {len(right)} of 3 pictures show what they are named for")
    assert (again.returncode, len(right)) == (0, 3), again.stderr


@pytest.mark.parametrize("file", ["ash/mire/poi/glass-stair.png", "manifest.json", "index.html", "ash"])
@pytest.mark.faults(
    "a link stands where a batch wants to write {file}", "what it leads to stays as it is; exit 0 or told"
)
def test_a_link_in_a_batchs_folder(home: Path, found: Found, file: str) -> None:
    packs = make_packs(home / "packs", base_seed=1)
    target = home / "mine.txt"
    target.write_text("mine")
    out = home / "out"
    (out / file).parent.mkdir(parents=True)
    if file == "ash":
        target = home / "mine"
        target.mkdir()
    (out / file).symlink_to(target)
    with daemon(home) as running:
        done = batch(packs, running, out)
    words = done.stderr.replace(str(home), "").strip().splitlines()
    found(f"exit {done.returncode}: {words[-1][:120] if done.returncode else 'painted'}")
    kept = list(target.iterdir()) == [] if target.is_dir() else target.read_text() == "mine"
    assert (kept, "Traceback" in done.stderr) == (True, False)


def _link(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    (folder / "ash").symlink_to(folder.parent / "elsewhere")


def _devices(folder: Path) -> None:
    (folder / "ash").mkdir()
    os.mknod(folder / "ash" / "visual_style.yaml", 0o020666, os.makedev(1, 5))


def _huge(folder: Path) -> None:
    (folder / "ash" / "worlds" / "mire").mkdir(parents=True)
    with (folder / "ash" / "worlds" / "mire" / "history.yaml").open("wb") as file:
        file.truncate(1 << 36)


def _fifo(folder: Path) -> None:
    (folder / "ash" / "worlds" / "mire").mkdir(parents=True)
    os.mkfifo(folder / "ash" / "worlds" / "mire" / "history.yaml")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(_link, id="are links to an empty folder"),
        pytest.param(_devices, id="hold a device"),
        pytest.param(_huge, id="hold a file of 64 GiB"),
        pytest.param(_fifo, id="hold a pipe"),
    ],
)
@pytest.mark.faults("packs {id}, and `kilnmark batch --dry-run` is run on them", "told, and not exit 0")
def test_packs_that_are_none(home: Path, found: Found, make: Callable[[Path], None]) -> None:
    (home / "packs").mkdir()
    make(home / "packs")
    command = [KILNMARK, "batch", "poi", "--packs", str(home / "packs"), "--out", str(home / "out"), "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    words = done.stderr.strip().splitlines()
    found(f"exit {done.returncode}: {words[0][:140] if words else 'nothing said'}")
    assert (done.returncode != 0, bool(words), "Traceback" in done.stderr) == (True, True, False)


STYLE = "positive_suffix: ink\n"


@pytest.mark.parametrize("what", ["a link to a file outside", "a link to itself", "a FIFO", "a file of 64 GiB"])
@pytest.mark.faults(
    "a pack's document is {what}, beside a healthy pack",
    "its pack is refused without its words, the healthy one is served; nothing hangs",
)
def test_a_pack_that_leads_elsewhere(home: Path, found: Found, what: str) -> None:
    packs = home / "packs"
    for name in ("good", "bad"):
        (packs / name).mkdir(parents=True)
        (packs / name / "tiers.yaml").write_text("scene: {width: 64, height: 64, steps: 1, variant: standin}\n")
    (packs / "good" / "visual_style.yaml").write_text(STYLE)
    document, outside = packs / "bad" / "visual_style.yaml", home / "private.yaml"
    outside.write_text(f"{SECRET}: [unclosed\n")
    if what == "a link to a file outside":
        document.symlink_to(outside)
    elif what == "a link to itself":
        document.symlink_to(document.name)
    elif what == "a FIFO":
        os.mkfifo(document)
    else:
        with document.open("wb") as file:
            file.truncate(1 << 36)
    with daemon(home, packs=str(packs)) as running, running.wire() as wire:
        asked = {"prompt": "tor", "tier": "scene", "width": 64, "height": 64, "steps": 1}
        error = wire.error("render", {**asked, "genre": "bad"})
        made = wire.result("render", {**asked, "genre": "good"})
        status = wire.result("status")
    text = json.dumps([error, status])
    found(f"{error['code']}: {error['message'][:100]}")
    assert (error["code"] in REFUSED, SECRET in text, Path(made["image_path"]).is_file()) == (True, False, True)


@pytest.mark.faults(
    "a file name in the adapter root and in a pack is not UTF-8", "told in a sentence, never a traceback"
)
def test_names_that_are_no_utf8(home: Path, places: Places, found: Found) -> None:
    os.close(os.open(os.fsencode(places.root) + b"/\xff\xfe.safetensors", os.O_CREAT | os.O_WRONLY))
    (home / "packs" / os.fsdecode(b"\xff\xfe")).mkdir(parents=True)
    with served(home, places, packs=str(home / "packs")) as running, running.wire() as wire:
        made = wire.result("render", {**SMALL, "lora_paths": ["good.safetensors"], "lora_scales": [1.0]})
        status = wire.result("status")["packs"]
        name = os.fsencode(places.root) + b"/\xff\xfe.safetensors"
        done = subprocess.run(
            [KILNMARK.encode(), b"lora", b"inspect", name], capture_output=True, timeout=60, check=False
        )
        log = running.log
    words = (
        done.stderr.decode(errors="replace").strip().splitlines() or done.stdout.decode(errors="replace").splitlines()
    )
    found(f"exit {done.returncode}: {words[0][:100]}; {status['problem_count']} problems of packs told")
    assert ("Traceback" in log, b"Traceback" in done.stderr, done.returncode != 0) == (False, False, True)
    assert Path(made["image_path"]).suffix == ".png"
