"""By what the broker knows somebody, and where it is: a file of a name, a role and a key, for its owner alone."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from kilnmark.farm.errors import FarmNotUsable

__all__ = ["ADDRESS_VARIABLE", "VARIABLE", "FarmCredentials", "FarmRole", "address_of", "load_credentials"]

FarmRole = Literal["operator", "node", "submitter", "viewer"]

VARIABLE = "KILNMARK_FARM_CREDENTIALS"
"""Of the environment: the path of such a file, or what stands in it."""

ADDRESS_VARIABLE = "KILNMARK_FARM"
"""Of the environment: the broker's address."""

_SEED = re.compile(r"SU[A-Z2-7]{56}")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class FarmCredentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom the broker lets in, as what.

    Attributes:
        name: Of the node or the submitter.
        role: What it may do.
        seed: Of an nkey; never written anywhere else.
        ca: Certificates in PEM that the broker's own is signed by; empty: the system's.
        addresses: Where the broker is reached, as far as whoever made these knows.
    """

    name: str
    role: FarmRole
    seed: str = ""
    ca: str = ""
    addresses: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"FarmCredentials(name={self.name!r}, role={self.role!r})"


def load_credentials(path: Path | None, environment: Mapping[str, str] = os.environ) -> FarmCredentials | None:
    """Those of a file, else of the environment; None where nobody gave any.

    Raises:
        FarmNotUsable: They cannot be read, or others may read them.
    """
    said = environment.get(VARIABLE, "")
    if path is None and said.lstrip().startswith("{"):
        return _decoded(VARIABLE, said.encode())
    if path is None and not said:
        return None
    path = path or Path(said).expanduser()
    try:
        if os.name == "posix" and path.stat().st_mode & _OTHERS:
            raise FarmNotUsable(str(path), "others may read it; say `chmod 600` of that file")
        return _decoded(str(path), path.read_bytes())
    except OSError as error:
        raise FarmNotUsable(str(path), f"{error.strerror or error}; `kilnmark farm up` writes credentials") from error


def address_of(
    said: str | None, credentials: FarmCredentials | None, environment: Mapping[str, str] = os.environ
) -> str:
    """Where the broker is: as somebody said, else as the environment has it, else as credentials do.

    Raises:
        FarmNotUsable: None of them says.
    """
    if address := said or environment.get(ADDRESS_VARIABLE):
        return address
    if credentials is not None and credentials.addresses:
        return credentials.addresses[0]
    ways = f"--farm URL or --farm-credentials FILE, or set {ADDRESS_VARIABLE} or {VARIABLE}"
    raise FarmNotUsable("--farm", f"no broker is named; give {ways}")


def _decoded(where: str, data: bytes) -> FarmCredentials:
    try:
        found = msgspec.json.decode(data, type=FarmCredentials)
    except msgspec.DecodeError as error:  # whose words may have what stands there in them
        place = re.search(r"`\$[\w.\[\]]*`$", str(error))
        reason = f"holds no credentials{f' (see {place[0]})' if place else ''}; `kilnmark farm up` writes them"
        raise FarmNotUsable(where, reason) from None
    if found.seed and not _SEED.fullmatch(found.seed):
        raise FarmNotUsable(where, "holds a key that is none of a farm's; `kilnmark farm up` writes credentials")
    return found
