"""What was accepted outlives the daemon: another one takes it up from what lies on disk at any moment.

A daemon that is killed is played by a copy of its journal as it lies on disk while it lives: no more is left of it.
"""

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from kilnmark.daemon.journal.file import JournalFile, JournalRow
from kilnmark.daemon.worker.fake import Script
from kilnmark.keymaps.files.contents import content_hash
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict
from tests.daemon.conftest import SMALL, FakeDaemon, Message, Wire
from tests.daemon.journal.disk import no_folder
from tests.daemon.journal.older import write_first_form
from tests.manifests import manifest

LONG: dict[str, Any] = {**SMALL, "steps": 100, "_meta": {"progressToken": "t"}}


class Lives:
    """Daemons one after another, each with what the one before left on disk."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._count = 0
        self.journal = folder / "0" / "jobs.sqlite"

    def begin(self, *holds: str, **settings: Any) -> FakeDaemon:
        """A daemon on the journal as it is now, whose renders wait at these stages."""
        pictures = self._folder / "pictures"
        daemon = FakeDaemon(**{"journal": self.journal, "output_dir": pictures, "heartbeat_interval": 0.01, **settings})
        daemon.worker.hold(*holds)
        return self._stack.enter_context(daemon).warm()

    def kill(self) -> None:
        """From now on the journal is what lies on disk this moment; the daemon before lives on and writes elsewhere."""
        self._count += 1
        left = self._folder / str(self._count)
        shutil.copytree(self.journal.parent, left)
        self.journal = left / self.journal.name


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    with ExitStack() as stack:
        yield Lives(tmp_path, stack)


def waited(wire: Wire, job_id: str) -> Message:
    return wire.result("jobs.wait", {"job_id": job_id})


def test_an_equal_request_of_another_life_gets_the_picture_of_the_first(lives: Lives) -> None:
    with lives.begin(cache_bytes=1 << 30).wire() as wire:
        first = wire.result("render", {**SMALL, "seed": 3})
        spoilt = wire.result("render", {**SMALL, "seed": 4})
        lives.kill()
    shutil.copyfile(first["image_path"], spoilt["image_path"])
    with lives.begin(cache_bytes=1 << 30).wire() as wire:
        wire.status_once(lambda status: status["cache"]["entries"] == 1)
        again = wire.result("render", {**SMALL, "seed": 3})
        assert (again["cached"], again["image_path"]) == (True, first["image_path"])
        assert again["job_id"] != first["job_id"]
        assert not wire.result("render", {**SMALL, "seed": 4})["cached"]


def test_what_waited_and_what_was_painted_is_painted_after_the_daemons_death(lives: Lives) -> None:
    with lives.begin("denoise").wire() as wire:
        wire.send("render", {**LONG, "job_id": "painted"})
        wire.progressed("denoise 0/")
        for i in range(3):
            wire.send("render", {**LONG, "seed": i, "job_id": f"waits-{i}"})
            wire.progressed("queued")
        lives.kill()
    with lives.begin("denoise").wire() as wire:
        listed = wire.result("jobs.list")["jobs"]
        assert [(job["job_id"], job["state"]) for job in listed] == [
            ("painted", "running"),
            ("waits-0", "queued"),
            ("waits-1", "queued"),
            ("waits-2", "queued"),
        ]


def test_a_job_that_was_moved_goes_first_in_the_next_life_too(lives: Lives) -> None:
    daemon = lives.begin("denoise")
    with ExitStack() as stack:
        wires = {name: stack.enter_context(daemon.wire()) for name in ("painted", "first", "moved")}
        for seed, (name, wire) in enumerate(wires.items()):
            wire.send("render", {**LONG, "seed": seed, "job_id": name, "priority": "low"})
            wire.progressed("denoise 0/" if name == "painted" else "queued")
        assert wires["moved"].result("jobs.move", {"job_id": "moved", "priority": "high"})["moved"]
        lives.kill()
        with lives.begin("denoise").wire() as wire:
            jobs = wire.result("jobs.list")["jobs"]
    assert [(job["job_id"], job["state"], job["priority"]) for job in jobs] == [
        ("moved", "running", "high"),
        ("painted", "queued", "low"),
        ("first", "queued", "low"),
    ]


def test_clients_take_their_jobs_up_again_by_their_ids(lives: Lives) -> None:
    with lives.begin("denoise").wire() as wire:
        for seed, asked in enumerate([{"job_id": "named"}, {"job_id": "other"}, {}]):
            wire.send("render", {**LONG, "seed": seed, **asked})
            wire.progressed("queued" if seed else "denoise 0/")
        jobs = [job["job_id"] for job in wire.result("jobs.list")["jobs"]]
        assert len(jobs) == 3
        lives.kill()
    with lives.begin().wire() as wire:
        assert {waited(wire, job_id)["job"]["state"] for job_id in jobs} == {"done"}
        again = wire.result("render", {**SMALL, "steps": 100, "job_id": "named", "seed": 0})
        assert (again["job_id"], again["cached"]) == ("named", True)
        assert wire.result("status")["rendered"] == 3
        assert wire.error("jobs.get", {"job_id": "nobody"})["code"] == -32004


def test_a_result_is_given_again_as_long_as_its_picture_is_there(lives: Lives) -> None:
    with lives.begin().wire() as wire:
        made = wire.result("render", {**SMALL, "job_id": "a"})
        lives.kill()
    with lives.begin().wire() as wire:
        assert wire.result("jobs.get", {"job_id": "a"})["result"] == made
        assert wire.result("render", {**SMALL, "job_id": "a"}) == {**made, "cached": True}
        assert wire.error("render", {**SMALL, "job_id": "a", "seed": 8})["code"] == -32010
        Path(made["image_path"]).unlink()
        again = wire.result("render", {**SMALL, "job_id": "a"})
        assert (again["cached"], Path(again["image_path"]).is_file()) == (False, True)


def test_a_job_that_two_daemons_died_of_ends_and_the_queue_goes_on(lives: Lives) -> None:
    with lives.begin("denoise").wire() as wire:
        wire.send("render", {**LONG, "job_id": "poison"})
        wire.progressed("denoise 0/")
        wire.send("render", {**LONG, "seed": 8, "job_id": "behind"})
        wire.progressed("queued")
        lives.kill()
    with lives.begin("denoise").wire() as wire:
        while wire.result("jobs.get", {"job_id": "poison"})["job"]["state"] != "running":
            pass
        lives.kill()
    with lives.begin().wire() as wire:
        error = waited(wire, "poison")["error"]
        assert (error["code"], error["retryable"]) == (-32003, False)
        assert waited(wire, "behind")["job"]["state"] == "done"


def test_an_orderly_end_keeps_every_job_tells_who_waits_and_is_no_try(lives: Lives) -> None:
    for life in range(4):
        daemon = lives.begin("denoise")
        with daemon.wire() as wire, daemon.wire() as other:
            ids = {other.send("jobs.wait" if life else "render", asked): asked["job_id"] for asked in two(life)}
            other.result("ping")
            unnamed = wire.send("render", {**LONG, "seed": 70 + life})
            wire.progressed("queued")
            daemon.shut_down()
            for _ in ids:
                reply = other.read_until(lambda message: "error" in message)
                error = reply["error"]
                assert (error["code"], error["data"]["retryable"]) == (-32002, True)
                assert error["data"]["job_id"] == ids[reply["id"]]
                assert (ids[reply["id"]] in error["message"], error["data"]["detail"]) == (True, {"kept": True})
            drawn = wire.reply(unnamed)["error"]["data"]["job_id"]
        daemon.wait_until_ended()
    with lives.begin().wire() as wire:
        assert {waited(wire, job_id)["job"]["state"] for job_id in ("a", "b", drawn)} == {"done"}


def two(life: int) -> list[dict[str, Any]]:
    """Two renders, and in later lives those who wait for them."""
    names = ("a", "b")
    return [{"job_id": name} if life else {**LONG, "seed": ord(name), "job_id": name} for name in names]


def test_a_render_that_ends_while_the_daemon_leaves_is_not_painted_again(lives: Lives) -> None:
    daemon = lives.begin("save")
    with daemon.wire() as wire:
        wire.send("render", {**LONG, "steps": 1, "job_id": "a"})
        wire.progressed("save")
        daemon.shut_down()
        assert wire.read_until(lambda message: "error" in message)["error"]["code"] == -32002
    daemon.wait_until_ended()
    with lives.begin().wire() as wire:
        assert wire.result("jobs.get", {"job_id": "a"})["job"]["state"] == "done"
        assert wire.result("status")["rendered"] == 0


def test_a_job_that_was_given_up_before_the_end_stays_so(lives: Lives) -> None:
    daemon = lives.begin("denoise")
    with daemon.wire() as wire, daemon.wire() as other:
        render = wire.send("render", {**LONG, "job_id": "a"})
        wire.progressed("denoise 0/")
        wire.send("render", {**LONG, "job_id": "b", "seed": 8})
        wire.progressed("queued")
        assert other.result("cancel", {"job_id": "b"})["cancelled"]
        assert other.result("cancel", {"job_id": "a"})["cancelled"]
        assert wire.reply(render)["error"]["code"] == -32800
        lives.kill()
    with lives.begin().wire() as wire:
        assert [waited(wire, name)["error"]["code"] for name in ("a", "b")] == [-32800, -32800]


ATTACHED: dict[str, Any] = {**LONG, "_meta": {"progressToken": "t", "attached": True}}


def test_what_a_caller_alone_wants_is_painted_once_they_are_back_and_given_up_where_they_are_not(lives: Lives) -> None:
    with lives.begin("denoise").wire() as wire:
        for i, name in enumerate(("back", "waited", "gone")):
            wire.send("render", {**ATTACHED, "seed": i, "job_id": name})
            wire.progressed("queued" if i else "denoise 0/")
        wire.send("render", {**LONG, "seed": 4, "job_id": "named"})
        wire.progressed("queued")
        lives.kill()
    with lives.begin(return_timeout=3600).wire() as wire:
        assert waited(wire, "named")["job"]["state"] == "done"
        listed = {job["job_id"]: job["state"] for job in wire.result("jobs.list")["jobs"]}
        assert listed == {"back": "queued", "waited": "queued", "gone": "queued", "named": "done"}
        again = {**ATTACHED, "seed": 0, "job_id": "back", "_meta": {"attached": True, "resumed": True}}
        assert wire.result("render", again)["job_id"] == "back"
        assert waited(wire, "waited")["job"]["state"] == "done"
        assert wire.result("status")["rendered"] == 3
        lives.kill()
    with lives.begin(return_timeout=0).wire() as wire:
        error = waited(wire, "gone")["error"]
        assert (error["code"], error["retryable"], "did not come back within 0 s" in error["message"]) == (
            -32800,
            True,
            True,
        )
        late = {**ATTACHED, "seed": 2, "job_id": "gone", "_meta": {"attached": True, "resumed": True}}
        assert wire.result("render", late)["cached"] is False


def test_an_orderly_end_waits_for_callers_in_the_next_life_too(lives: Lives) -> None:
    daemon = lives.begin("denoise")
    with daemon.wire() as wire:
        wire.send("render", {**ATTACHED, "job_id": "a"})
        wire.progressed("denoise 0/")
        daemon.shut_down()
        assert wire.read_until(lambda message: "error" in message)["error"]["data"]["detail"] == {"kept": True}
    daemon.wait_until_ended()
    daemon = lives.begin(return_timeout=3600)
    with daemon.wire() as wire:
        assert wire.result("render", {**SMALL, "job_id": "b"})
        assert wire.result("shutdown", {"drain": True})["jobs"] == 1
    daemon.wait_until_ended()
    with lives.begin(return_timeout=3600).wire() as wire:
        assert wire.result("jobs.get", {"job_id": "a"})["job"]["state"] == "queued"
        assert waited(wire, "a")["job"]["state"] == "done"


def test_a_request_that_is_sent_again_hears_how_its_job_ended_meanwhile(lives: Lives) -> None:
    resumed = {**LONG, "job_id": "a", "_meta": {"attached": True, "resumed": True}}
    with lives.begin("denoise").wire() as wire:
        wire.send("render", {**ATTACHED, "job_id": "a"})
        wire.progressed("denoise 0/")
        lives.kill()
    with lives.begin("denoise").wire() as wire:
        assert wire.result("cancel", {"job_id": "a", "reason": "not wanted"})["cancelled"]
        error = wire.error("render", resumed)
        assert (error["code"], error["message"]) == (-32800, "the render was cancelled: not wanted")
        lives.kill()
    with lives.begin().wire() as wire:
        assert wire.error("render", resumed)["code"] == -32800
        assert wire.result("status")["rendered"] == 0
        assert wire.result("render", {**LONG, "job_id": "a"})["cached"] is False


def test_a_refused_stack_keeps_its_reports_for_a_caller_who_comes_back(lives: Lives, tmp_path: Path) -> None:
    make_adapter(tmp_path / "dead.safetensors", rank=2, blocks=1, dead=True)
    stack = {"lora_paths": [str(tmp_path / "dead.safetensors")], "lora_scales": [1.0], "job_id": "a"}
    daemon = lives.begin(lora_roots=(tmp_path,))
    daemon.worker.script = Script(verdicts={"dead": Verdict.NOOP})
    with daemon.wire() as wire:
        told = wire.error("render", {**SMALL, **stack})
        assert [report["verdict"] for report in told["data"]["detail"]["loras"]] == ["noop"]
        lives.kill()
    with lives.begin(lora_roots=(tmp_path,)).wire() as wire:
        assert wire.error("render", {**SMALL, **stack, "_meta": {"resumed": True}}) == told
        assert waited(wire, "a")["error"]["loras"] == told["data"]["detail"]["loras"]


def test_no_end_is_told_before_it_is_on_disk(lives: Lives, monkeypatch: pytest.MonkeyPatch) -> None:
    may_write, append = threading.Event(), JournalFile.append

    def slow(file: JournalFile, rows: Sequence[JournalRow]) -> None:
        assert may_write.wait(60)
        append(file, rows)

    may_write.set()
    daemon = lives.begin("denoise")
    with daemon.wire() as wire, daemon.wire() as other:
        monkeypatch.setattr(JournalFile, "append", slow)
        other.send("render", {**LONG, "job_id": "runs"})
        other.progressed("denoise 0/")
        waits = wire.send("render", {**SMALL, "steps": 100, "seed": 8, "job_id": "waits"})
        assert wire.result("jobs.get", {"job_id": "waits"})["job"]["state"] == "queued"
        may_write.clear()
        wire.send("notifications/cancelled", {"requestId": waits}, id=None)
        assert wire.result("jobs.list")["jobs"][-1]["state"] == "cancelled"
        assert wire.is_silent()
        lives.kill()
        may_write.set()
        assert wire.reply(waits)["error"]["code"] == -32800
    with lives.begin().wire() as wire:
        assert waited(wire, "waits")["job"]["state"] == "done"  # as nobody had heard otherwise


def test_a_cancel_that_cannot_be_kept_is_told_so(lives: Lives, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilnmark.daemon.journal.journal.RETRY", 0.05)
    with lives.begin("denoise").wire() as wire:
        wire.send("render", {**LONG, "job_id": "a"})
        wire.progressed("denoise 0/")
        with no_folder(lives.journal):
            for _ in range(2):
                error = wire.error("cancel", {"job_id": "a"})
                assert (error["code"], error["data"]["retryable"], error["data"]["job_id"]) == (-32009, True, "a")
                assert "is cancelled, but the journal cannot be written" in error["message"]
        wire.status_once(lambda status: status["journal"]["state"] == "good")
        assert wire.result("cancel", {"job_id": "a"}) == {"job_id": "a", "cancelled": False}
        lives.kill()
    with lives.begin().wire() as wire:
        assert waited(wire, "a")["error"]["code"] == -32800


def test_adapters_outside_the_roots_of_now_end_their_jobs_as_a_request_would_be(lives: Lives, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for root in (old, new):
        root.mkdir()
        make_adapter(root / "ink.safetensors", rank=2, blocks=1)
    stack = {"lora_paths": [str(old / "ink.safetensors")], "lora_scales": [1.0]}
    with lives.begin("denoise", lora_roots=(old,)).wire() as wire:
        wire.send("render", {**LONG, **stack, "job_id": "refused"})
        wire.progressed("denoise 0/")
        for job_id, more in (("warned", {**stack, "on_mismatch": "warn"}), ("bare", {})):
            wire.send("render", {**LONG, **more, "job_id": job_id})
            wire.progressed("queued")
        lives.kill()
    with lives.begin("denoise", lora_roots=(new,)).wire() as wire:
        told = waited(wire, "refused")["error"]
        asked = wire.error("render", {**LONG, **stack})
        assert (told["code"], told["message"]) == (-32007, asked["message"])
        assert {job["job_id"] for job in wire.result("status")["jobs"]} == {"warned", "bare"}


def test_a_base_that_is_served_no_more_ends_its_jobs_with_the_reason(lives: Lives) -> None:
    with lives.begin("denoise", bases={"dev": "standin"}).wire() as wire:
        for name, variant in (("a", "standin"), ("b", "dev")):
            wire.send("render", {**LONG, "job_id": name, "variant": variant})
        wire.progressed("queued")
        lives.kill()
    with lives.begin().wire() as wire:
        assert waited(wire, "a")["job"]["state"] == "done"
        error = waited(wire, "b")["error"]
        assert (error["code"], "no base 'dev' any more" in error["message"]) == (-32000, True)


def test_jobs_are_forgotten_beyond_their_number_and_open_ones_never(lives: Lives) -> None:
    with lives.begin(jobs_kept=2).wire() as wire:
        for i in range(5):
            wire.result("render", {**SMALL, "seed": i, "job_id": f"j{i}"})
        lives.kill()
    with lives.begin("denoise", jobs_kept=1).wire() as wire:
        assert [job["job_id"] for job in wire.result("jobs.list")["jobs"]] == ["j4"]
        for i in range(3):
            wire.send("render", {**LONG, "seed": i, "job_id": f"open{i}"})
            wire.progressed("queued" if i else "denoise 0/")
        lives.kill()
    with lives.begin("denoise", jobs_kept=1).wire() as wire:
        assert [job["job_id"] for job in wire.result("jobs.list")["jobs"]] == ["open0", "open1", "open2", "j4"]


def test_while_the_journal_fails_new_work_is_refused_and_what_runs_goes_on(
    lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kilnmark.daemon.journal.journal.RETRY", 0.05)
    with lives.begin("denoise").wire() as wire:
        running = wire.send("render", {**LONG, "job_id": "runs"})
        wire.progressed("denoise 0/")
        with no_folder(lives.journal):
            unlucky = wire.send("render", {**LONG, "seed": 8, "job_id": "unlucky"})
            error = wire.reply(unlucky)["error"]
            assert (error["code"], error["data"]["retryable"]) == (-32009, True)
            assert wire.error("render", {**SMALL, "seed": 9})["code"] == -32009
            journal = wire.result("status")["journal"]
            assert (journal["state"], journal["problem"] is not None) == ("failing", True)
        wire.status_once(lambda status: status["journal"]["state"] == "good")
        assert wire.result("jobs.get", {"job_id": "unlucky"})["error"]["code"] == -32009
        retried = wire.send("render", {**LONG, "seed": 8, "job_id": "unlucky"})
        wire.progressed("queued")
        lives.kill()
    with lives.begin().wire() as wire:
        assert [waited(wire, name)["job"]["state"] for name in ("runs", "unlucky")] == ["done", "done"]
    assert running != retried


def test_a_damaged_journal_is_moved_aside_and_told(lives: Lives) -> None:
    lives.journal.parent.mkdir()
    lives.journal.write_bytes(b"no database at all" * 1000)
    with lives.begin().wire() as wire:
        aside = wire.result("status")["journal"]["moved_aside"]
        assert wire.result("render", SMALL)
    assert Path(aside).read_bytes() == b"no database at all" * 1000


def test_a_job_belongs_to_its_trace_in_every_life(lives: Lives) -> None:
    callers = "00-" + "7" * 32 + "-" + "1" * 16 + "-01"
    tracer = TracerProvider().get_tracer("test")
    with lives.begin("denoise", tracer=tracer).wire() as wire:
        meta = {"progressToken": "t", "traceparent": callers}
        wire.send("render", {**LONG, "_meta": meta, "job_id": "callers"})
        wire.progressed("denoise 0/")
        wire.send("render", {**LONG, "job_id": "own", "seed": 8})
        wire.progressed("queued")
        lives.kill()
    with lives.begin().wire() as wire:
        assert waited(wire, "callers")["result"]["trace_id"] == "7" * 32
        own = waited(wire, "own")["result"]["trace_id"]
        lives.kill()
    with lives.begin().wire() as wire:
        assert wire.result("jobs.get", {"job_id": "own"})["result"]["trace_id"] == own != ""


def test_what_an_older_daemon_had_accepted_is_painted(lives: Lives) -> None:
    write_first_form(lives.journal)
    with lives.begin().wire() as wire:
        assert [waited(wire, name)["job"]["state"] for name in ("begun", "unready")] == ["done", "done"]


def test_what_is_not_promoted_is_not_painted_by_a_daemon_that_asks_for_it_since(lives: Lives, tmp_path: Path) -> None:
    (tmp_path / "packs" / "ink").mkdir(parents=True)
    ready = {"packs": tmp_path / "packs", "lora_roots": (tmp_path,)}
    trusted = make_adapter(tmp_path / "a.safetensors", blocks=1, rank=1)
    other = make_adapter(tmp_path / "b.safetensors", blocks=1, rank=2)
    (tmp_path / "packs" / "ink" / "loras.yaml").write_text(manifest(content_hash(trusted)))
    with lives.begin("denoise", **ready).wire() as wire:
        wire.send("render", {**LONG, "job_id": "first"})
        wire.progressed("denoise 0/")
        for path in (trusted, other):
            stack = {"lora_paths": [str(path)], "lora_scales": [1.0]}
            wire.send("render", {**LONG, "steps": 1, "job_id": path.stem, **stack})
            wire.progressed("queued")
        lives.kill()
    with lives.begin(require_promoted="all", **ready).wire() as wire:
        assert waited(wire, "a")["job"]["state"] == "done"
        assert "is not promoted in ink" in waited(wire, "b")["error"]["message"]
