"""How each example is held to the product: typed here as it stands, held by another test, or shown and no example.

What is in none of the tables fails, so that nobody adds an example that nobody runs.
"""

from collections.abc import Mapping
from typing import Final

from tests.docs.examples.blocks import Block

__all__ = ["OTHERS", "PAGES", "REPLACED", "is_shown", "other_tests"]

PAGES: Final[Mapping[str, str]] = {
    "docs/lora-does-nothing.md": "tests/client/test_lora_page.py",
    "docs/protocol.md": "tests/docs/test_protocol_page.py",
    "docs/testing.md": "tests/client/testing/test_testing.py",
    "docs/settings.md": "tests/daemon/test_reload.py",
    "docs/game-server.md": "tests/client/test_game_server.py",
    "docs/lab.md": "tests/lab",
    "docs/mcp.md": "tests/web/mcp/test_page.py",
    "docs/web.md": "tests/web/api/test_openai.py",
    "docs/farm.md": "tests/farm/test_page.py",
    "docs/webhooks.md": "tests/web/hooks/test_page.py",
}
"""Pages that a test of their own reads and runs."""

OTHERS: Final[Mapping[str, str]] = {
    "make ": "Makefile",
    "otel/recipe/start": "tests/scripts/telemetry/test_stores.py",
    "export OTEL_": "tests/telemetry",
    "OTEL_METRICS_EXPORTER=": "tests/telemetry",
    "kilnmark serve --metrics-port": "tests/telemetry",
    "BACKEND=cuda make ": "Makefile",
    "kilnmark service": "tests/client/cli/service",
    "kilnmark cancel JOB": "tests/client/cli/commands",
    "kilnmark models": "tests/client/cli/models",
    "kilnmark doctor --online": "tests/client/cli/doctor",
    "kilnmark review": "tests/client/batch/review",
    "sudo ": "tests/client/cli/service",
}
"""Commands that need a service manager, the hub or an hour, by how they begin, and the tests that run them."""

REPLACED: Final[Mapping[str, str]] = {
    "--variant dev --quantize 8": "--variant standin",
    "--variant dev": "--variant standin",
    "--variant flux2-klein-4b --quantize 8": "--variant standin:flux2-klein-4b",
    "--variant flux2-klein-4b": "--variant standin:flux2-klein-4b",
    "--width 768 --height 1024": "--width 192 --height 256",
    "--base dev=/models/dev --base schnell=/models/schnell": "--base standin --base mini",
}
"""Of what is typed: weights that are not here by what stands in for them, and sizes by some that it paints soon."""

_SHOWN: Final = frozenset(
    {
        ("docs/telemetry.md", "08:44:11"),
        ("README.md", "adapter           what it is"),
        ("docs/architecture.md", "lab "),
        ("docs/batches.md", "pictures/"),
        ("docs/batches.md", "12 of 40:"),
        ("docs/batches.md", '{"items":'),
        ("docs/how-to/unread-file.md", "nearest "),
        ("docs/numerics.md", "compiling "),
        ("docs/numerics.md", "not warm "),
        ("docs/stacks.md", "adapter "),
        ("docs/visual-style.md", "PACKS/"),
        ("docs/visual-style.md", "ink/visual_style.yaml:10:"),
    }
)


def is_shown(block: Block) -> bool:
    """Whether it shows what is printed or how a folder looks, which nobody types."""
    first = block.text.strip()
    return any(block.page == page and first.startswith(begin) for page, begin in _SHOWN)


def other_tests(line: str) -> str | None:
    """The tests that run a command; None: it is typed here."""
    return next((tests for begin, tests in OTHERS.items() if line.startswith(begin)), None)
