"""The bases: what the daemon holds, or whether what it would hold is on this machine, whole, and fits into its memory.

The network is asked only where somebody said so.
"""

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from kilnmark.client.cli.doctor.engine import gigabytes
from kilnmark.client.cli.doctor.folders import free_bytes
from kilnmark.client.cli.doctor.observation import Observation, fault, ok, warning
from kilnmark.client.cli.doctor.patient import Patient, Unasked
from kilnmark.client.cli.models.fit import BaseRoom, memory_needs, needed_bytes, room_for_bases
from kilnmark.client.cli.models.here import LocalCopy, look_for
from kilnmark.client.hub import HUB, hub_address, hub_cache, hub_token, is_offline, token_place
from kilnmark.keymaps.files.shipped import read_shipped
from kilnmark.keymaps.files.weights import Weights, WeightsProblem, read_weights
from kilnmark.protocol.picture.catalog import USUAL, VARIANTS
from kilnmark.protocol.picture.family import Variant
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.examined import EngineExamined
from kilnmark.protocol.wire.status import StatusResult

__all__ = ["look_at_bases"]

HUB_TIMEOUT = 10.0
_PUBLISHED_BYTES = 2
"""Of a number as weights are published."""


def look_at_bases(patient: Patient) -> Iterator[Observation]:
    """Those of the daemon that runs; else each that a daemon started here would be told of by name."""
    if patient.status is not None:
        yield _held(patient.status)
        return
    if patient.settings is None or not patient.can_serve:
        return
    settings = patient.settings
    named = {settings.variant: settings.variants[settings.variant], **(settings.bases or {})}
    for name, place in named.items():
        yield from _look_at(patient, name, place)


def _held(status: StatusResult) -> Observation:
    base = status.base
    if base is None:
        how = "is being loaded" if status.loading or status.state == "warming" else "is not held now"
        return ok("base", f"{status.variant} {how}")
    packed = f" at {base.quantize} bits" if base.quantize else ""
    size = gigabytes(base.memory_bytes)
    return ok("base", f"{base.variant}{packed} is held on {base.backend} in {base.precision}, {size}")


def _look_at(patient: Patient, name: str, place: str) -> Iterator[Observation]:
    if place not in VARIANTS:
        yield from _directory(patient, name, Path(place))
    elif VARIANTS[place].made_up:
        words = "is made on the spot and needs no weights; its pictures mean nothing"
        yield ok("base", f"{name} {words}", f"`kilnmark serve --variant {USUAL}`, or another, paints real pictures")
        yield from _memory(patient, name, VARIANTS[place])
    elif VARIANTS[place].shipped:
        yield from _shipped(patient, name, VARIANTS[place])
    else:
        yield from _published(patient, VARIANTS[place])


def _shipped(patient: Patient, name: str, variant: Variant) -> Iterator[Observation]:
    try:
        weights = read_shipped(variant)
    except WeightsProblem as error:
        yield fault("base", str(error), "install kilnmark anew")
        return
    yield ok("base", f"{name} comes with kilnmark and is here, {gigabytes(_nbytes(weights))} in {weights.path}")
    yield from _memory(patient, name, weights)


def _directory(patient: Patient, name: str, path: Path) -> Iterator[Observation]:
    try:
        weights = read_weights(path)
        variant = weights.called(name)
    except (WeightsProblem, OSError) as error:
        yield fault("base", f"{name}: {error}", "mend the directory, or name another with --variant or --base")
        return
    yield ok("base", f"{name} is {variant.name}, {gigabytes(_nbytes(weights))} on disk in {path}")
    yield from _memory(patient, name, weights)


def _nbytes(weights: Weights) -> int:
    """Of its files."""
    return sum(header.size for headers in weights.headers.values() for header in headers)


def _published(patient: Patient, variant: Variant) -> Iterator[Observation]:
    """A variant that its family fetches under its published name."""
    if not variant.repository:
        yield ok("base", f"{variant.name} is fetched by its family, which does not say from where")
        yield from _memory(patient, variant.name, variant)
        return
    here = look_for(variant, patient.env)
    if (weights := here.weights) is not None:
        yield ok("base", f"{variant.name} is on this machine, {gigabytes(_nbytes(weights))} in {weights.path}")
    else:
        yield from _absent(patient, variant, here)
    yield from _memory(patient, variant.name, variant if weights is None else weights)


def _absent(patient: Patient, variant: Variant, here: LocalCopy) -> Iterator[Observation]:
    """One that is not here, or in part."""
    cache, size = hub_cache(patient.env), variant.numbers.nbytes(None, _PUBLISHED_BYTES)
    about = f"{variant.name} is not on this machine"
    if here.is_there:
        about = f"{variant.name} is on this machine in part ({here.problem})"
    elsewhere = "give a directory that holds it with --base"
    if is_offline(patient.env):
        yield fault("base", f"{about}, and $HF_HUB_OFFLINE forbids to fetch it", f"unset that, or {elsewhere}")
        return
    what = "what is missing of about" if here.is_there else "about"
    found = f"{about}: the first start fetches {what} {gigabytes(size)} of {variant.repository} into {cache}"
    yield warning("base", found, f"`kilnmark models pull {variant.name}` fetches it before, or {elsewhere}")
    if (free := free_bytes(cache)) < size - here.nbytes - here.partial_bytes:
        yield fault("base", f"{cache} has room for {gigabytes(free)} more", "make room, or set $HF_HOME elsewhere")
    if variant.gated:
        yield from _gate(patient, variant)


def _gate(patient: Patient, variant: Variant) -> Iterator[Observation]:
    """Whether a model that is given to some alone is given to this user."""
    accept = f"accept the licence at {HUB}/{variant.repository}"
    log_in = "run `hf auth login`, or set $HF_TOKEN"
    if (place := token_place(patient.env)) is None:
        found = f"{variant.repository} is given to those alone who accepted its licence, and there is no token here"
        yield fault("licence", found, f"{accept}, then {log_in}")
    elif not patient.online:
        found = f"there is a token ({place}); whether it opens {variant.repository} was not asked"
        yield ok("licence", found, f"{accept} if you have not; `kilnmark doctor --online` asks")
    else:
        yield _asked(patient, variant, accept, log_in)


def _asked(patient: Patient, variant: Variant, accept: str, log_in: str) -> Observation:
    """What the hub says to the token."""
    hub = hub_address(patient.env)
    if not hub.startswith(("https://", "http://")):
        return fault("licence", f"$HF_ENDPOINT is {hub!r}, and no address", "set it to one that begins with https://")
    request = urllib.request.Request(f"{hub}/api/models/{variant.repository}/auth-check")  # noqa: S310 - looked at above
    request.add_unredirected_header("Authorization", f"Bearer {hub_token(patient.env)}")  # for this address alone
    try:
        with urllib.request.urlopen(request, timeout=HUB_TIMEOUT):  # noqa: S310 - the same
            return ok("licence", f"{hub} gives {variant.repository} to this token")
    except urllib.error.HTTPError as error:
        found = f"{hub} does not give {variant.repository} to this token ({error.code} {error.reason})"
        if error.code == http.HTTPStatus.UNAUTHORIZED:
            return fault("licence", found, f"the token is not valid: {log_in}")
        if error.code == http.HTTPStatus.FORBIDDEN:
            return fault("licence", found, f"{accept}, with the account that the token is of")
        return warning("licence", found, "try again later")
    except (OSError, http.client.HTTPException) as error:
        return warning("licence", f"{hub} cannot be asked: {error}", "look at the network, or try again later")


def _memory(patient: Patient, name: str, weights: Weights | Variant) -> Iterator[Observation]:
    """Whether it fits, as the worker will reckon before it loads anything, and by the control group it will be in."""
    settings, engine = patient.settings, patient.engine
    if settings is None or isinstance(engine, Unasked):
        return
    room = room_for_bases(settings, engine)
    need, limit, whose = needed_bytes(weights, settings.quantize, room), room.nbytes or 0, room.whose
    if need <= limit:
        yield ok("base", f"{name} takes {gigabytes(need)} of memory, and {gigabytes(limit)} {whose}")
        return
    found = f"{name} takes {gigabytes(need)} of memory, and {gigabytes(limit)} {whose}"
    yield fault("base", found, f"{_smaller(weights, room, settings, engine)}, or another base")


def _smaller(weights: Weights | Variant, room: BaseRoom, settings: Settings, engine: EngineExamined) -> str:
    """What else would do, for a base that does not fit into its room."""
    fitting = next((need for need in memory_needs(weights, room) if need.quantize and need.fits), None)
    if fitting is not None:
        return f"take `--quantize {fitting.quantize}` ({gigabytes(fitting.memory_bytes)})"
    allowed = room_for_bases(settings.model_copy(update={"base_memory": None}), engine)
    if settings.base_memory is not None and needed_bytes(weights, settings.quantize, room) <= (allowed.nbytes or 0):
        return "raise base_memory (--base-memory)"
    return "take a machine with more memory"
