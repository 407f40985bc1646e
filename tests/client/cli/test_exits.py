"""Every error has an exit code and a document, and the ones with a meaning of their own keep it."""

import msgspec
import pytest

from kilnmark.client import errors as client_errors
from kilnmark.client.batch import errors as batch_errors
from kilnmark.client.batch.errors import (
    BatchError,
    BrokenManifest,
    CannotPublish,
    FolderInUse,
    FolderUnusable,
    NoSuchPicture,
    NoTokenizers,
    NotPaintedAgain,
    PicksHeld,
)
from kilnmark.client.cli.exits import ErrorDocument, exit_code_of, exit_code_of_reports
from kilnmark.client.errors import (
    BadReply,
    ClientError,
    ConnectionLost,
    ConnectTimeout,
    DaemonDidNotStart,
    DaemonNotInstalled,
    DaemonUnavailable,
    ForkedClient,
    RenderTimeout,
    ReplyTimeout,
    SilenceTimeout,
    StopTimeout,
    TimedOut,
    UntrustedSocket,
)
from kilnmark.client.reports import reports_of
from kilnmark.client.web import errors as web_errors
from kilnmark.client.web.errors import FormRefused, PortTaken, ServerNotInstalled
from kilnmark.protocol.content.problems import Problem, UnknownName, UnusableContent
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.errors import BY_CODE, AdapterNotEngaged

CLIENT_SIDE: list[ClientError] = [
    DaemonUnavailable("/s", "there is no socket"),
    UntrustedSocket("/s", "/tmp belongs to user 1"),
    DaemonNotInstalled(("mflux",), "cpu"),
    DaemonDidNotStart("/demo/daemon.log", "it ended with status 1"),
    ConnectionLost(("render",), "the daemon closed it"),
    ForkedClient(7),
    BadReply("garbage"),
    BrokenManifest("/out/manifest.json", "no JSON"),
    CannotPublish("/game", "no space left", "make room"),
    FolderInUse("/out"),
    FolderUnusable("/out", "no space left"),
    NoSuchPicture("/out", "poi/mill.png", "it was painted again since"),
    NoTokenizers("/dev", "there are none"),
    NotPaintedAgain("nobody answers"),
    PicksHeld("/out/picks.yaml", 10.0),
    FormRefused("That is no form."),
    PortTaken(80, "permission denied"),
    ServerNotInstalled("review"),
    ConnectTimeout(5.0, "/s"),
    ReplyTimeout(30.0, "ping"),
    RenderTimeout(1.5, "render"),
    SilenceTimeout(30.0, "render"),
    StopTimeout(60.0, "/s"),
]
CODES = {
    "invalid_params": ExitCode.USAGE,
    "adapter_refused": ExitCode.NOT_ENGAGED,
    "adapter_not_allowed": ExitCode.NOT_ENGAGED,
    "adapter_not_engaged": ExitCode.NOT_ENGAGED,
    "queue_full": ExitCode.TRY_AGAIN,
    "draining": ExitCode.TRY_AGAIN,
    "journal": ExitCode.TRY_AGAIN,
    "no_worker": ExitCode.TRY_AGAIN,
    "job_id_taken": ExitCode.USAGE,
    "picture_refused": ExitCode.USAGE,
    "folder_in_use": ExitCode.TRY_AGAIN,
    "picks_held": ExitCode.TRY_AGAIN,
    "port_taken": ExitCode.TRY_AGAIN,
    "server_not_installed": ExitCode.USAGE,
    "daemon_unavailable": ExitCode.NO_DAEMON,
    "connect_timeout": ExitCode.NO_DAEMON,
}


def test_the_list_above_holds_every_client_error() -> None:
    homes = (client_errors, batch_errors, web_errors)
    told = {getattr(home, name) for home in homes for name in home.__all__}
    assert {type(error) for error in CLIENT_SIDE} == told - {ClientError, TimedOut, BatchError}


@pytest.mark.parametrize("error", [*CLIENT_SIDE, *(cls("went wrong") for cls in BY_CODE.values())], ids=repr)
def test_an_error_ends_with_the_code_of_its_kind(error: KilnmarkError) -> None:
    kind = ErrorDocument.of(error).error.kind
    assert exit_code_of(error) is CODES.get(kind, ExitCode.FAILED)


def test_unusable_content_is_a_usage_error_whose_problems_are_facts() -> None:
    problem = Problem(file="g/visual_style.yaml", line=3, entry="loras", message="is odd; mend it")
    error = ErrorDocument.of(UnusableContent([problem])).error
    assert (error.kind, error.message) == ("unusable_content", "g/visual_style.yaml:3: loras: is odd; mend it")
    assert msgspec.to_builtins(error.detail)["problems"][0]["line"] == 3
    assert exit_code_of(UnusableContent([problem])) is ExitCode.USAGE
    assert exit_code_of(UnknownName("genre", "a", ["b"], "packs")) is ExitCode.USAGE


@pytest.mark.parametrize("error", CLIENT_SIDE, ids=repr)
def test_a_client_error_words_its_facts(error: ClientError) -> None:
    words = str(error)
    facts = [fact for arg in error.args for fact in (arg if isinstance(arg, tuple) else (arg,))]
    missing = [fact for fact in facts if (f"{fact:g}" if isinstance(fact, float) else str(fact)) not in words]
    assert missing in ([], ["render"])


def test_kinds_are_distinct() -> None:
    kinds = [ErrorDocument.of(error).error.kind for error in CLIENT_SIDE] + [cls.kind for cls in BY_CODE.values()]
    assert len(kinds) == len(set(kinds))


def test_the_document_has_the_shape_that_is_promised() -> None:
    report = AdapterReport(name="a", path="/a", verdict=Verdict.NOOP, reason="zero")
    error = AdapterNotEngaged("a changes nothing", job_id="j", detail={"loras": msgspec.to_builtins([report])})
    document = msgspec.json.decode(msgspec.json.encode(ErrorDocument.of(error)))
    assert set(document) == {"error"}
    assert set(document["error"]) == {"code", "kind", "message", "retryable", "job_id", "detail", "trace_id"}
    assert document["error"]["code"] == -32008
    assert reports_of(error) == [report]


@pytest.mark.parametrize("detail", [None, "text", {"loras": "text"}, {"loras": [{"name": 1}]}, {"other": []}])
def test_a_detail_without_reports_has_none(detail: object) -> None:
    assert reports_of(AdapterNotEngaged("a changes nothing", detail=detail)) == []


@pytest.mark.parametrize("verdict", Verdict)
def test_a_picture_with_an_adapter_that_is_not_engaged_is_no_success(verdict: Verdict) -> None:
    engaged = AdapterReport(name="a", path="/a", verdict=Verdict.ENGAGED, reason="")
    other = AdapterReport(name="b", path="/b", verdict=verdict, reason="")
    expected = ExitCode.DONE if verdict is Verdict.ENGAGED else ExitCode.NOT_ENGAGED
    assert exit_code_of_reports([engaged, other, engaged]) is expected
