"""What is told of jobs: the open ones, the ended ones, and how each ended."""

from tests.daemon.conftest import SMALL, FakeDaemon, Wire

LONG = {**SMALL, "steps": 100, "_meta": {"progressToken": "t"}}


def test_a_job_is_told_of_while_it_runs_and_after_it_was_cancelled(wire: Wire, other: Wire, daemon: FakeDaemon) -> None:
    daemon.worker.hold("denoise")
    render = other.send("render", {**LONG, "job_id": "told-of", "priority": "low"})
    other.progressed("denoise 0/")
    running = wire.result("jobs.get", {"job_id": "told-of"})
    assert running["job"]["state"] == "running"
    assert (running["job"]["priority"], running["job"]["steps"]) == ("low", 100)
    assert (running["result"], running["error"]) == (None, None)
    wire.result("cancel", {"job_id": "told-of"})
    assert other.reply(render)["error"]["code"] == -32800
    cancelled = wire.result("jobs.get", {"job_id": "told-of"})
    assert (cancelled["job"]["state"], cancelled["error"]["code"]) == ("cancelled", -32800)


def test_both_jobs_of_one_picture_are_told_of_with_a_result_of_their_own(wire: Wire, daemon: FakeDaemon) -> None:
    daemon.worker.hold("denoise")
    for name in ("pair-a", "pair-b"):
        wire.send("render", {**SMALL, "job_id": name})
    wire.result("ping")
    daemon.worker.hold()
    results = {result["job_id"]: result for result in (wire.read()["result"] for _ in range(2))}
    told = {name: wire.result("jobs.get", {"job_id": name}) for name in results}
    assert {name: each["result"] for name, each in told.items()} == results
    assert [told[name]["job"]["shared_with"] for name in ("pair-a", "pair-b")] == [None, "pair-a"]


def test_the_open_jobs_are_listed_before_the_ended_ones_and_those_latest_first(
    wire: Wire, other: Wire, daemon: FakeDaemon
) -> None:
    for name in ("listed-1", "listed-2"):
        other.result("render", {**SMALL, "job_id": name})
    daemon.worker.hold("denoise")
    render = other.send("render", {**LONG, "job_id": "listed-3"})
    other.progressed("denoise 0/")
    listed = wire.result("jobs.list")
    assert [job["job_id"] for job in listed["jobs"]][:3] == ["listed-3", "listed-2", "listed-1"]
    assert {"high", "switches", "shared"} <= set(listed["queue"])
    assert {"hits", "entries", "bytes"} <= set(listed["cache"])
    other.send("$/cancelRequest", {"id": render}, id=None)
    assert other.reply(render)["error"]["code"] == -32800


def test_a_job_that_never_was_is_unknown(wire: Wire) -> None:
    assert wire.error("jobs.get", {"job_id": "never"})["code"] == -32004


def test_a_job_can_be_waited_for_by_who_did_not_ask_for_it(wire: Wire, other: Wire, daemon: FakeDaemon) -> None:
    daemon.worker.hold("denoise")
    render = other.send("render", {**SMALL, "job_id": "waited-for", "_meta": {"progressToken": "t"}})
    other.progressed("denoise 0/")
    waiting = wire.send("jobs.wait", {"job_id": "waited-for", "_meta": {"progressToken": "w"}})
    wire.result("ping")
    daemon.worker.hold()
    assert wire.progressed("denoise")["params"]["progressToken"] == "w"
    waited = wire.reply(waiting)["result"]
    assert waited["result"] == other.reply(render)["result"]
    assert wire.result("jobs.wait", {"job_id": "waited-for"}) == waited


def test_a_wait_that_ends_leaves_its_job_as_it_is(wire: Wire, other: Wire, daemon: FakeDaemon) -> None:
    daemon.worker.hold("denoise")
    render = other.send("render", {**LONG, "job_id": "patient"})
    other.progressed("denoise 0/")
    error = wire.error("jobs.wait", {"job_id": "patient", "timeout": 0.01})
    assert (error["code"], error["data"]["retryable"]) == (-32005, True)
    waiting = wire.send("jobs.wait", {"job_id": "patient"})
    wire.send("$/cancelRequest", {"id": waiting}, id=None)
    assert wire.reply(waiting)["error"]["code"] == -32800
    assert wire.result("jobs.get", {"job_id": "patient"})["job"]["state"] == "running"
    waiting = wire.send("jobs.wait", {"job_id": "patient"})
    other.result("cancel", {"job_id": "patient"})
    assert other.reply(render)["error"]["code"] == -32800
    assert wire.reply(waiting)["result"]["error"]["code"] == -32800


def test_nobody_waits_for_a_job_that_never_was(wire: Wire) -> None:
    assert wire.error("jobs.wait", {"job_id": "never"})["code"] == -32004
