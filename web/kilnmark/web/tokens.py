"""The tokens by which people and programs are known: two, with their rights, in one file that its owner alone may read.

They stay over starts, since programs keep them. Who is let in with one is the guard's part.
"""

import base64
import os
import re
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from kilnmark.client.web.guard import Right
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.web.errors import TokensUnusable

__all__ = ["WebTokens", "load_tokens"]

_LEAST = 24
"""Characters of a token; fewer could be guessed."""

_TOKEN = re.compile(rf"[A-Za-z0-9._~+/=-]{{{_LEAST},}}")
"""What a bearer may send (RFC 6750, 2.1), and a cookie may carry."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class WebTokens(msgspec.Struct, frozen=True, kw_only=True):
    """What is let in, and what is signed with.

    Attributes:
        read: Of whoever may look.
        write: Of whoever may ask for pictures, cancel and move jobs, too.
        secret: What addresses of pictures and messages are signed with, `whsec_` and base64; nobody logs in with it.
    """

    read: str
    write: str
    secret: str

    @property
    def rights(self) -> Mapping[str, Right]:
        """What each lets its bearer do."""
        return {self.write: Right.WRITE, self.read: Right.READ}


def load_tokens(path: Path, *, renew: bool = False) -> WebTokens:
    """The tokens of a file; it is made, mode 0600, where it is absent.

    Args:
        path: The file.
        renew: Make others; whoever has the old ones is let in no more, once the server is started again.

    Raises:
        TokensUnusable: It cannot be read or written, others may read it, or it holds no tokens.
    """
    try:
        if renew or not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
            made = WebTokens(read=secrets.token_urlsafe(24), write=secrets.token_urlsafe(24), secret=secret)
            with suppress(FileExistsError):  # somebody else made them meanwhile: theirs count for both
                _write(path, made, replace=renew)
        if path.stat().st_mode & _OTHERS and os.name == "posix":
            raise TokensUnusable(str(path), "others may read them; say `chmod 600` of that file, or make new ones")
        tokens = msgspec.json.decode(path.read_bytes(), type=WebTokens)
    except OSError as error:
        raise TokensUnusable(str(path), error.strerror or str(error)) from error
    except msgspec.DecodeError as error:
        raise TokensUnusable(str(path), f"{error}; `kilnmark web token --new` writes others") from error
    values = [tokens.read, tokens.write, tokens.secret]
    if len(set(values)) < len(values) or not all(map(_TOKEN.fullmatch, values[:2])):
        problem = f"each needs {_LEAST} characters (A-Z a-z 0-9 - . _ ~ + / =) and is another"
        raise TokensUnusable(str(path), f"{problem}; `kilnmark web token --new` writes others")
    if not _is_secret(tokens.secret):
        problem = f"`secret` is no `whsec_` and base64 of {_LEAST} bytes or more"
        raise TokensUnusable(str(path), f"{problem}; `kilnmark web token --new` writes others")
    return tokens


def _is_secret(text: str) -> bool:
    try:
        return text.startswith("whsec_") and len(base64.b64decode(text[6:], validate=True)) >= _LEAST
    except ValueError:
        return False


def _write(path: Path, tokens: WebTokens, *, replace: bool) -> None:
    with written_whole(path, replace=replace, mode=0o600) as file:
        file.write(msgspec.json.format(msgspec.json.encode(tokens), indent=1) + b"\n")
