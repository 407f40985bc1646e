"""What the Hugging Face libraries keep on this machine: the weights that they fetched, and whether there is a token.

The layout is that of huggingface_hub 1.x, with its variables. Nothing is fetched here; the token is only looked for,
and read where somebody wants to send it.
"""

from collections.abc import Mapping
from pathlib import Path

__all__ = [
    "HUB",
    "hub_address",
    "hub_cache",
    "hub_token",
    "is_offline",
    "repository_folder",
    "snapshots",
    "token_place",
]

HUB = "https://huggingface.co"
"""Where the hub is, unless a variable says otherwise."""

_TRUE = {"1", "ON", "YES", "TRUE"}


def _home(env: Mapping[str, str]) -> Path:
    """Relative folders count here, unlike in the XDG specification, because they count for the library."""
    named = env.get("HF_HOME") or Path(env.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(named).expanduser()


def hub_cache(env: Mapping[str, str]) -> Path:
    """The folder of everything fetched."""
    named = env.get("HF_HUB_CACHE") or env.get("HUGGINGFACE_HUB_CACHE")
    return Path(named).expanduser() if named else _home(env) / "hub"


def repository_folder(repository: str, env: Mapping[str, str]) -> Path:
    """The folder of everything fetched of a repository."""
    return hub_cache(env) / f"models--{repository.replace('/', '--')}"


def snapshots(repository: str, env: Mapping[str, str], revision: str = "") -> list[Path]:
    """The states of a repository that were fetched, whole or not.

    Args:
        repository: Its name on the hub.
        env: The variables.
        revision: The one commit that counts; empty: every one does.
    """
    return sorted(repository_folder(repository, env).glob(f"snapshots/{revision or '*'}"))


def hub_address(env: Mapping[str, str]) -> str:
    """Where the hub is asked, without a slash at its end; what a variable says may be no address at all."""
    return env.get("HF_ENDPOINT", "").strip().rstrip("/") or HUB


def is_offline(env: Mapping[str, str]) -> bool:
    """Whether the libraries may not fetch anything."""
    return (env.get("HF_HUB_OFFLINE") or env.get("TRANSFORMERS_OFFLINE") or "").upper() in _TRUE


def token_place(env: Mapping[str, str]) -> str | None:
    """Where there is a token: a variable or a file; None: nowhere. It is not read.

    Raises:
        OSError: this cannot be told.
    """
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if env.get(name, "").strip():
            return f"${name}"
    path = _token_file(env)
    try:
        return str(path) if path.stat().st_size else None
    except (FileNotFoundError, NotADirectoryError):
        return None


def hub_token(env: Mapping[str, str]) -> str | None:
    """The token itself; None where there is none.

    Raises:
        OSError: it cannot be read.
    """
    place = token_place(env)
    if place is None:
        return None
    return env[place[1:]].strip() if place.startswith("$") else _token_file(env).read_text(encoding="ascii").strip()


def _token_file(env: Mapping[str, str]) -> Path:
    return Path(env.get("HF_TOKEN_PATH") or _home(env) / "token").expanduser()
