"""The service in words: what was done for it, and how it is."""

from rich.console import Console

from kilnmark.client.cli.service.documents import InstalledService, ServiceDocument
from kilnmark.client.cli.views.tables import print_facts

__all__ = ["show_installed", "show_service"]


def show_installed(out: Console, document: InstalledService) -> None:
    """What was written, what the service was given and what it was not, and how to go on."""
    rows = [
        *((str(file.state), file.path) for file in document.files),
        ("runs", document.command),
        ("socket", document.socket),
        *(("setting", f"{option}, from {where}") for option, where in document.settings.items()),
        *(("variable", name) for name in document.variables),
        *(("not given", _secret(name, document.manager)) for name in document.secrets),
        *(("note", note) for note in document.notes),
        ("next", "`kilnmark service status` and `kilnmark service logs` tell how it goes"),
    ]
    print_facts(out, rows)


def show_service(out: Console, document: ServiceDocument) -> None:
    """How it is, and whose its files are."""
    words = {
        "ours": "as it was written",
        "edited": "edited since it was written",
        "foreign": "somebody else's",
        "absent": "not there; `kilnmark service install` writes it",
    }
    rows = [
        ("service", f"{document.state}, by {document.manager}"),
        *([("daemon", f"process {document.pid}")] if document.pid else []),
        *([("waits", "a client that comes starts it")] if document.waits else []),
        *([("says", document.says)] if document.says and document.running else []),
        *([("restarts", str(document.restarts))] if document.restarts else []),
        *(("file", f"{file.path}: {words[str(file.state)]}") for file in document.files),
        *(("note", note) for note in document.notes),
    ]
    print_facts(out, rows)


def _secret(name: str, manager: str) -> str:
    """A variable that may hold a secret, and where it can be said instead."""
    if name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        return f"{name}, which is not written down; `hf auth login` keeps it for every program of yours"
    if manager == "systemd":
        return f"{name}, which may hold a secret; `systemctl --user edit kilnmark.service` can say it"
    return f"{name}, which may hold a secret; `launchctl setenv` can say it"
