"""Whom a broker knows: names, roles and public keys, in a file of its store; and credentials, to be handed over."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import msgspec

from kilnmark.farm.broker.credentials import FarmCredentials, FarmRole
from kilnmark.farm.errors import FarmNotInstalled, FarmNotUsable
from kilnmark.farm.names import token_of
from kilnmark.keymaps.files.atomic import written_whole

__all__ = ["OPERATOR", "Person", "credentials_file", "invite", "known_people", "new_credentials", "revoke"]

OPERATOR = "operator"
"""The name of the one operator that every broker has."""

_PREFIX_USER = 20 << 3  # of the base32 text of a key, that it begin with U


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody whom the broker lets in.

    Attributes:
        name: Of the node, the submitter or the viewer.
        role: What they may do.
        key: Their public nkey.
    """

    name: str
    role: FarmRole
    key: str


def known_people(store: Path) -> tuple[Person, ...]:
    """Those whom the broker of a store knows.

    Raises:
        FarmNotUsable: The file cannot be read.
    """
    path = store / "people.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[Person, ...])
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise FarmNotUsable(str(path), f"cannot be read ({error.strerror or error})") from error
    except msgspec.DecodeError as error:
        raise FarmNotUsable(
            str(path), f"holds no list of people ({error}); move it away, and all are let in anew"
        ) from error


def credentials_file(store: Path, name: str, role: FarmRole) -> Path:
    """Where the credentials are that were made for somebody; whoever has them may take them away from there."""
    return store / "credentials" / (f"{role}.json" if role == OPERATOR else f"{role}-{name}.json")


def new_credentials(
    name: str, role: FarmRole, *, addresses: Sequence[str] = (), ca: str = ""
) -> tuple[Person, FarmCredentials]:
    """Somebody new, with a key that nobody else has.

    Args:
        addresses: Where the broker is reached.
        ca: As that of `FarmCredentials`.

    Raises:
        FarmNotInstalled: The packages of the farm are not here.
    """
    try:
        import nkeys
    except ImportError as error:
        raise FarmNotInstalled from error
    seed = nkeys.encode_seed(secrets.token_bytes(32), _PREFIX_USER)
    key = nkeys.from_seed(bytearray(seed)).public_key.decode()
    made = FarmCredentials(name=name, role=role, seed=seed.decode(), ca=ca, addresses=tuple(addresses))
    return Person(name=name, role=role, key=key), made


def invite(
    store: Path, wanted: Sequence[tuple[str, FarmRole]], *, addresses: Sequence[str], ca: str
) -> tuple[Person, ...]:
    """Have a broker know these people beside those that it knows; files of credentials are written for the new.

    A file that is still there is written again where the broker is reached otherwise now, or by another certificate.

    Args:
        wanted: Names and roles.
        addresses, ca: As those of `new_credentials`.

    Returns:
        All whom it knows.

    Raises:
        FarmError: A name cannot be one, or the store cannot be written.
    """
    # Without its operator nobody could look after it: one whose credentials are gone is made anew.
    has_operator = credentials_file(store, OPERATOR, "operator").exists()
    people = [each for each in known_people(store) if has_operator or each.role != "operator"]
    known = {(each.name, each.role) for each in people}
    try:
        (store / "credentials").mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in people:
            _readdress(credentials_file(store, each.name, each.role), tuple(addresses), ca)
        for name, role in dict.fromkeys(wanted):
            if token_of(name) != name:
                reason = "is no name for the farm: letters, digits, `-` and `_`, at most 64"
                raise FarmNotUsable(f"--{role} {name!r}", reason)
            if (name, role) not in known:
                person, made = new_credentials(name, role, addresses=addresses, ca=ca)
                _write(credentials_file(store, name, role), msgspec.json.encode(made))
                people.append(person)
        _write(store / "people.json", msgspec.json.encode(people))
    except OSError as error:
        raise FarmNotUsable(
            str(store), f"cannot be written ({error.strerror or error}); mend that, or name another with --store"
        ) from error
    return tuple(people)


def revoke(store: Path, names: Sequence[str]) -> None:
    """Have a broker know these people no more, whatever their roles; its operator stays.

    Raises:
        FarmNotUsable: It does not know one of them, or the store cannot be written.
    """
    people = known_people(store)
    there = [each.name for each in people if each.role != OPERATOR]
    for name in names:
        if name not in there:
            known = ", ".join(there) or "nobody"
            raise FarmNotUsable(f"--revoke {name}", f"nobody of that name is let in; those are: {known}")
    gone = [each for each in people if each.name in names and each.role != OPERATOR]
    try:
        for each in gone:
            credentials_file(store, each.name, each.role).unlink(missing_ok=True)
        if gone:
            _write(store / "people.json", msgspec.json.encode([each for each in people if each not in gone]))
    except OSError as error:
        raise FarmNotUsable(str(store), f"cannot be written ({error.strerror or error})") from error


def _readdress(path: Path, addresses: tuple[str, ...], ca: str) -> None:
    try:
        made = msgspec.json.decode(path.read_bytes(), type=FarmCredentials)
    except (FileNotFoundError, msgspec.DecodeError):
        return  # handed over, or no longer ours
    if (made.addresses, made.ca) != (addresses, ca):
        _write(path, msgspec.json.encode(msgspec.structs.replace(made, addresses=addresses, ca=ca)))


def _write(path: Path, data: bytes) -> None:
    """Write what is not there already: a store on a full disk is used as it is."""
    whole = data + os.linesep.encode()
    if not path.exists() or path.read_bytes() != whole:
        with written_whole(path, mode=0o600) as file:
            file.write(whole)
