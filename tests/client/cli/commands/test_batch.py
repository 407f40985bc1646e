"""Batches: what is painted, what is kept, and what a killed one leaves.

A real base paints for the tests that look at the pictures or at what was judged; all others are of the batch, and ask a
daemon whose worker is a fake.
"""

import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from kilnmark.client import Client
from kilnmark.client.batch.run.ledger import open_ledger, read_record
from kilnmark.client.batch.run.manifest import MANIFEST, read_manifest, write_manifest
from kilnmark.client.batch.run.picture import Picture
from kilnmark.client.cli.commands.batch import SILENT, batch
from kilnmark.client.cli.service.units import STOP_MARGIN, WATCHDOG
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.picture.record import CHUNK
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.settings import Settings
from tests.client.batch.packs import SmallPacks, make_packs
from tests.client.conftest import KILNMARK, Daemon, FakeDaemon, on_a_terminal

FILES = ["ash/fen/poi/reed-gate.png", "ash/mire/poi/glass-stair.png", "ash/mire/poi/old-kiln.png"]
_base_seeds = itertools.count(1000)


@dataclass(frozen=True)
class Bench:
    """Packs, and a folder of pictures made of them, that a test may do with as it likes."""

    daemon: Daemon | FakeDaemon
    packs: SmallPacks
    out: Path

    @property
    def command(self) -> list[str]:
        return ["poi", "--packs", str(self.packs.root), "--out", str(self.out), "--socket", str(self.daemon.socket)]

    def invoke(self, *more: str) -> Result:
        return CliRunner().invoke(batch, [*self.command, "--json", *more])

    def paint(self, *more: str) -> dict[str, Any]:
        """Run a batch in this process: its document, with the exit code and how much the daemon painted."""
        with Client(self.daemon.socket) as client:
            before = client.status().rendered
            result = self.invoke(*more)
            rendered = client.status().rendered - before
        document: dict[str, Any] = msgspec.json.decode(result.stdout)
        return document | {"code": result.exit_code, "rendered": rendered, "told": result.stderr.splitlines()}


def fresh(daemon: Daemon | FakeDaemon, out: Path) -> Bench:
    """A bench of pictures that no other test has, below the daemon's adapter root."""
    seed = next(_base_seeds)
    return Bench(daemon, make_packs(daemon.folder / f"packs-{seed}", base_seed=seed), out)


@pytest.fixture(scope="module")
def first(painter: Daemon, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, dict[str, Any]]:
    """A batch that was painted, for tests to look at."""
    bench = fresh(painter, tmp_path_factory.mktemp("out"))
    return bench, bench.paint()


@pytest.fixture(scope="module")
def made(daemon: FakeDaemon, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A batch whose pictures are a fake's."""
    bench = fresh(daemon, tmp_path_factory.mktemp("out"))
    assert bench.paint()["painted"] == 3
    return bench


@pytest.fixture
def bench(made: Bench, tmp_path: Path) -> Bench:
    """It again, in a folder of its own."""
    return copy_of(made, tmp_path / "out")


def copy_of(made: Bench, out: Path) -> Bench:
    root = made.daemon.folder / f"packs-{next(_base_seeds)}"
    shutil.copytree(made.packs.root, root)
    shutil.copytree(made.out, out)
    places = (path.relative_to(made.packs.root) for path in (made.packs.ink, made.packs.moss))
    return Bench(made.daemon, SmallPacks(root, *(root / place for place in places)), out)


def pictures(folder: Path) -> dict[str, Picture]:
    return {picture.file: picture for picture in read_manifest(folder).pictures}


def became(document: dict[str, Any]) -> Counter[str]:
    return Counter(item["became"] for item in document["items"])


def test_a_batch_leaves_every_picture_its_record_and_a_page(first: tuple[Bench, dict[str, Any]]) -> None:
    bench, document = first
    assert (document["code"], document["painted"], document["rendered"]) == (0, 3, 3)
    assert (document["switches"], document["warnings"]) == (1, [])
    found = pictures(bench.out)
    assert sorted(found) == FILES
    for file, picture in found.items():
        record = read_record(bench.out / file)
        assert record is not None
        assert (record.prompt, record.seed, record.job_id) == (picture.prompt, picture.seed, picture.job_id)
        assert picture.status == "done"
        assert picture.seconds  # by which the dry run reckons
        assert [lora.verdict for lora in picture.loras] == [Verdict.ENGAGED]
    stair = found["ash/mire/poi/glass-stair.png"]
    assert stair.prompt == "inkwash, a stair of glass, on rough paper"
    assert (stair.source, stair.loras[0].name) == ("ash/worlds/mire/history.yaml:5", "ink")
    assert "Glass Stair" in (bench.out / "index.html").read_text()


def test_the_second_run_paints_nothing(bench: Bench) -> None:
    before = (bench.out / FILES[0]).stat().st_mtime_ns
    document = bench.paint()
    assert (document["code"], document["kept"], document["rendered"]) == (0, 3, 0)
    assert document["told"] == ["3 of 3: 3 kept as they are"]
    assert [[lora["verdict"] for lora in item["loras"]] for item in document["items"]] == [["engaged"]] * 3
    assert (bench.out / FILES[0]).stat().st_mtime_ns == before


def test_another_content_of_an_adapter_paints_its_own_pictures_again(bench: Bench) -> None:
    make_adapter(bench.packs.moss, rank=1, blocks=1, seed=3)
    document = bench.paint()
    assert {item["name"]: item["became"] for item in document["items"]} == {
        "Reed Gate": "painted",
        "Glass Stair": "kept",
        "Old Kiln": "kept",
    }
    assert document["rendered"] == 1
    (told,) = (line for line in document["told"] if "painted" in line)
    assert re.fullmatch(r"\d of 3: ash/fen/poi/reed-gate.png painted in [\d.]+ s", told)


def test_a_lost_manifest_costs_no_painting(bench: Bench) -> None:
    (bench.out / MANIFEST).unlink()
    document = bench.paint()
    assert (document["found"], document["rendered"]) == (3, 0)
    assert sorted(pictures(bench.out)) == FILES


def test_pictures_that_were_exchanged_or_repainted_over_are_painted_again(daemon: FakeDaemon, tmp_path: Path) -> None:
    bench = fresh(daemon, tmp_path)
    assert bench.paint()["painted"] == 3
    with Client(daemon.socket) as client:
        made = [Path(client.jobs_get(picture.job_id).result.image_path) for picture in pictures(bench.out).values()]  # type: ignore[union-attr]
    shutil.rmtree(bench.out)
    away = made[0].with_name("away.png")
    made[0].rename(away)
    made[1].rename(made[0])
    away.rename(made[1])
    with Image.open(made[2]) as image:
        info = PngInfo()
        info.add_itxt(CHUNK, image.text[CHUNK])  # type: ignore[attr-defined]
        Image.new("RGB", image.size, "red").save(made[2], pnginfo=info)
    document = bench.paint()
    assert (document["code"], document["painted"], document["found"], document["rendered"]) == (0, 3, 0, 3)
    assert bench.paint()["kept"] == 3


def test_a_picture_that_was_deleted_comes_back_unpainted(bench: Bench, made: Bench) -> None:
    (bench.out / FILES[0]).unlink()
    document = replace(bench, packs=made.packs).paint()
    assert (document["kept"], document["found"], document["rendered"]) == (2, 1, 0)
    assert (bench.out / FILES[0]).is_file()


def test_a_picture_of_another_base_is_painted_again(bench: Bench) -> None:
    manifest = read_manifest(bench.out)
    one, *others = manifest.pictures
    stale = msgspec.structs.replace(one, fingerprint="of another base")
    write_manifest(bench.out, msgspec.structs.replace(manifest, pictures=[stale, *others]))
    assert became(bench.paint()) == {"kept": 2, "found": 1}
    assert pictures(bench.out)[one.file].fingerprint == one.fingerprint


def test_force_paints_what_is_there(bench: Bench) -> None:
    assert bench.paint("--limit", "1", "--force")["rendered"] == 1


def test_more_takes_keep_the_first(bench: Bench) -> None:
    document = bench.paint("--limit", "1", "--seeds", "2")
    assert became(document) == {"kept": 1, "painted": 1}
    assert "ash/fen/poi/reed-gate.s2.png" in pictures(bench.out)


def test_the_same_without_adapters_lies_beside(bench: Bench) -> None:
    document = bench.paint("--limit", "1", "--compare-base")
    picture = pictures(bench.out)[FILES[0]]
    assert picture.bare_file == "ash/fen/poi/reed-gate.base.png"
    record = read_record(bench.out / picture.bare_file)
    assert record is not None
    assert (record.seed, record.prompt, record.loras) == (picture.seed, picture.prompt, [])
    assert (document["painted"], document["items"][0]["bare"]) == (1, str(bench.out / picture.bare_file))
    assert bench.paint("--limit", "1", "--compare-base")["kept"] == 2


def test_a_dead_adapter_fails_its_own_pictures_only(first: tuple[Bench, dict[str, Any]], tmp_path: Path) -> None:
    bench = copy_of(first[0], tmp_path / "out")
    make_adapter(bench.packs.ink, rank=1, blocks=1, dead=True)
    document = bench.paint()
    assert (document["code"], document["kept"], document["failed"]) == (ExitCode.NOT_ENGAGED, 1, 2)
    failed = pictures(bench.out)[FILES[1]]
    assert (failed.status, failed.loras[0].name, failed.loras[0].verdict) == ("failed", "ink", Verdict.NOOP)
    assert "exactly zero" in failed.message


def test_an_entry_that_cannot_be_used_stops_no_other(bench: Bench) -> None:
    bench.packs.write("history.yaml", "chapters:\n- points_of_interest:\n  - description: nameless\n")
    document = bench.paint()
    assert (document["code"], document["kept"]) == (ExitCode.FAILED, 3)
    assert [(each["file"], each["line"]) for each in document["problems"]] == [("ash/history.yaml", 3)]
    assert read_manifest(bench.out).problems[0].line == 3


def test_one_batch_at_a_time_writes_into_a_folder(bench: Bench) -> None:
    with open_ledger(bench.out):
        result = bench.invoke()
    assert "another batch writes into" in str(result.exception)


def test_without_a_daemon_what_is_there_stays_and_the_code_tells(bench: Bench, tmp_path: Path) -> None:
    before = read_manifest(bench.out).pictures
    result = bench.invoke("--socket", str(tmp_path / "none.sock"))
    assert result.exit_code == ExitCode.NO_DAEMON
    document = msgspec.json.decode(result.stdout)
    assert (document["error"]["kind"], document["left"]) == ("daemon_unavailable", 3)
    assert "run the same command again" in result.stderr
    assert read_manifest(bench.out).pictures == before


def test_a_base_that_is_not_served_is_named(bench: Bench) -> None:
    bench.packs.write("tiers.yaml", "landscape: {width: 64, height: 64, steps: 1, variant: dev}\n")
    document = bench.paint()
    (warning,) = document["warnings"]
    assert "wants 'dev', which is not served" in warning
    assert document["kept"] == 3


def test_on_a_terminal_a_bar_tells_how_it_stands(bench: Bench) -> None:
    with on_a_terminal("batch", *bench.command) as (process, terminal):
        assert terminal.read_until(b"3/3", 60)
        assert process.stdout is not None
        assert b"3 kept" in process.stdout.read()
    assert b"0 changes of stack" in terminal.seen


@contextmanager
def held_after(daemon: FakeDaemon, count: int) -> Iterator[int]:
    """The daemon paints this many pictures, and is painting the next until the block ends."""
    daemon.worker.hold("decode")
    daemon.worker.go(count)
    try:
        yield count
    finally:
        daemon.worker.hold()


def wait_for_pictures(folder: Path, count: int, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 60
    while len(read_manifest(folder).pictures) < count:
        assert process.poll() is None, "the batch ended by itself"
        assert time.monotonic() < deadline, "no picture was written down"
        time.sleep(0.01)


@pytest.mark.parametrize("end", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_ended_at_a_random_picture_and_run_again_nothing_is_lost_or_painted_twice(
    daemon: FakeDaemon, tmp_path: Path, end: signal.Signals
) -> None:
    bench = fresh(daemon, tmp_path)
    with Client(daemon.socket) as client:
        before = client.status().rendered
        with (
            held_after(daemon, random.randint(1, 2)) as count,
            subprocess.Popen([KILNMARK, "batch", *bench.command], stdout=subprocess.PIPE, text=True) as process,
        ):
            wait_for_pictures(bench.out, count, process)
            os.kill(process.pid, end)
            process.communicate(timeout=60)
        assert process.returncode == (-end if end == signal.SIGKILL else ExitCode.INTERRUPTED)
        written = {file: picture.created for file, picture in pictures(bench.out).items()}
        document = bench.paint()
        # One that was cancelled while it was saved was painted and is not counted.
        assert client.status().rendered - before in (2, 3)
    assert (document["code"], document["left"], document["failed"]) == (0, 0, 0)
    after = {file: picture.created for file, picture in pictures(bench.out).items()}
    assert sorted(after) == FILES
    assert written.items() <= after.items()
    assert sorted(path.relative_to(bench.out).as_posix() for path in bench.out.rglob("*.png")) == FILES


def test_a_batch_outwaits_the_watchdog_of_a_service_and_what_it_gives_a_daemon_to_end() -> None:
    assert WATCHDOG + STOP_MARGIN + Settings.model_fields["drain_timeout"].default < SILENT
