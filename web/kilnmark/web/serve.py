"""The web process from its start until it is told to stop. What is served is `app`'s part."""

from collections.abc import Callable
from pathlib import Path

from kilnmark.client.tracing import traced_command
from kilnmark.client.web.serving import listening, require_server, run_server
from kilnmark.web.app import web_application
from kilnmark.web.hooks.ledger import HooksLedger
from kilnmark.web.hooks.teller import Teller
from kilnmark.web.link import DaemonLink
from kilnmark.web.site import WebSite
from kilnmark.web.tokens import load_tokens

__all__ = ["serve_web"]


def serve_web(
    socket: str | None,
    *,
    address: str,
    port: int,
    hosts: tuple[str, ...],
    tokens: Path,
    ledger: Path,
    tell: Callable[[str], None],
) -> None:
    """Serve until the process is told to stop.

    Args:
        socket: The daemon's; None: the usual one.
        address: To listen on.
        port: To listen on; 0: a free one.
        hosts: Names that it answers to beside those of loopback, without ports.
        tokens: The file of tokens.
        ledger: The file of what is told of jobs that ended.
        tell: Is given the address to open, once the socket listens.

    Raises:
        ServerNotInstalled: The packages of the extra are not there.
        PortTaken: The port cannot be had.
        TokensUnusable: The file of tokens cannot be used.
        HooksUnusable: Nor can that of what is told.
        TracingMisconfigured: An `OTEL_` variable cannot be followed.
    """
    require_server("web")
    known = load_tokens(tokens)
    with traced_command(service="kilnmark-web"), listening(port, address) as listener:
        number: int = listener.getsockname()[1]
        shown = hosts[0] if hosts else "127.0.0.1"
        link = DaemonLink(socket)
        names = tuple(f"{name}:{number}" for name in hosts)
        hooks = Teller(link, HooksLedger(ledger), known.secret)
        site = WebSite(link, known, f"http://{shown}:{number}", names, hooks)
        app = web_application(site)
        tell(f"{site.address}/?token={known.write}")
        run_server(app, listener, lifespan=True)
