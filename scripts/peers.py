"""Sets up other people's clients in `.peers`: web3.py in a Python of its own; for node, jayson and OpenAI's.

They are kept apart because none is a part of kilnmark. `make test-peers` runs it.
"""

import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["JAYSON", "OPENAI", "PYTHON", "main"]

FOLDER = Path(__file__).resolve().parent.parent / ".peers"
UV = FOLDER.with_name(".uv") / "bin" / "uv"
PYTHON = FOLDER / "bin" / "python"
JAYSON = FOLDER / "node_modules" / "jayson"
OPENAI = FOLDER / "node_modules" / "openai"
PACKAGES = ("web3==8.0.0",)
NODE_PACKAGES = ("jayson@5.0.0", "openai@7.59.0")
TOOLS = {
    "npm": "it fetches jayson and openai (Debian: npm)",
    "node": "they run in it (Debian: nodejs)",
    "socat": "Debian: socat",
}
PATIENCE = 300.0
"""Seconds that an installation may take."""

_READY = FOLDER / ".ready"


def main() -> None:
    """Install what is missing.

    Raises:
        SystemExit: a tool is not there, or an installation failed; the message says which.
    """
    for tool, use in TOOLS.items():
        if shutil.which(tool) is None:
            sys.exit(f"kilnmark: {tool} is not on PATH: {use}")
    wanted = "\n".join((*PACKAGES, *NODE_PACKAGES))
    if _READY.exists() and _READY.read_text() == wanted:
        return
    print("kilnmark: getting web3.py, jayson and openai")
    _run(str(UV), "venv", "--quiet", "--clear", "--python", sys.executable, str(FOLDER))
    _run(str(UV), "pip", "install", "--quiet", "--python", str(PYTHON), *PACKAGES)
    silent = ("--silent", "--no-save", "--no-package-lock", "--no-fund", "--no-audit")
    _run("npm", "install", *silent, "--prefix", str(FOLDER), *NODE_PACKAGES)
    _READY.write_text(wanted)


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        sys.exit(f"kilnmark: {command[0]} took more than {PATIENCE:g} s")
    except subprocess.CalledProcessError as error:
        sys.exit(f"kilnmark: {command[0]} failed: {(error.stderr.strip().splitlines() or ['it said nothing'])[-1]}")


if __name__ == "__main__":
    main()
