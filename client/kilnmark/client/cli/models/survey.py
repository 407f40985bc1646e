"""Every model of the catalog and of the settings as it is on this machine, as documents: what is here, what fits.

No network is asked here; what the hub says is added by whoever asked it.
"""

from collections.abc import Mapping
from pathlib import Path

from kilnmark.client.cli.doctor.folders import free_bytes
from kilnmark.client.cli.doctor.patient import Patient, Unasked
from kilnmark.client.cli.models.documents import ModelDocument, ModelsDocument, ModelState
from kilnmark.client.cli.models.fit import BaseRoom, memory_needs, room_for_bases
from kilnmark.client.cli.models.here import LocalCopy, cache_failures_told, look_for
from kilnmark.client.hub import hub_cache, token_place
from kilnmark.keymaps.files.shipped import read_shipped, shipped_folder
from kilnmark.keymaps.files.weights import WeightsProblem, read_weights
from kilnmark.protocol.picture.catalog import VARIANTS, family_of
from kilnmark.protocol.picture.family import Numbers, Variant
from kilnmark.protocol.settings import Settings

__all__ = ["directories_of", "room_of", "survey", "tell_directory", "tell_model"]

_PUBLISHED_BYTES = 2
"""Of a number as weights are published, where they are small."""


def survey(patient: Patient) -> ModelsDocument:
    """All of them."""
    room, cache = room_of(patient), hub_cache(patient.env)
    published = [tell_model(variant, room, patient.env) for variant in VARIANTS.values()]
    own = [tell_directory(name, path, room) for name, path in directories_of(patient.settings).items()]
    return ModelsDocument(
        models=[*published, *own],
        memory_bytes=room.nbytes,
        memory_words=room.whose,
        cache=str(cache),
        free_bytes=free_bytes(cache),
    )


def directories_of(settings: Settings | None) -> dict[str, Path]:
    """The directories that the settings name, by what they call them."""
    if settings is None:
        return {}
    named = {settings.variant: settings.variants[settings.variant], **(settings.bases or {})}
    return {name: Path(place) for name, place in named.items() if place not in VARIANTS}


def room_of(patient: Patient) -> BaseRoom:
    """The memory for bases of a daemon that would be started here."""
    if patient.settings is None:
        return BaseRoom(whose=f"the settings are wrong: {patient.problem}")
    if not patient.can_serve:
        return BaseRoom()
    if isinstance(patient.engine, Unasked):
        return BaseRoom(whose=f"MLX computes nothing here: {patient.engine.reason}")
    return room_for_bases(patient.settings, patient.engine)


def tell_model(variant: Variant, room: BaseRoom, env: Mapping[str, str]) -> ModelDocument:
    """One of the catalog.

    Raises:
        CacheUnusable: What is here cannot be looked at.
    """
    if variant.shipped:
        return _tell_shipped(variant, room, env)
    with cache_failures_told(hub_cache(env)):
        here = look_for(variant, env) if variant.repository else None
        disk_bytes = 0 if here is None else here.nbytes + here.partial_bytes
    weights = None if here is None else here.weights
    return ModelDocument(
        name=variant.name,
        family=family_of(variant).title,
        state=_state(variant, here),
        repository=variant.repository,
        revision=variant.revision,
        licence=variant.licence,
        needs_token=variant.gated,
        has_token=_has_token(env),
        path=None if weights is None else str(weights.path),
        disk_bytes=disk_bytes,
        at_least_bytes=_at_least(variant.numbers) if here is not None and not here.is_there else 0,
        problem="" if here is None else here.problem,
        counted_by="catalog" if weights is None else "headers",
        number_bytes=room.number_bytes,
        memory=memory_needs(variant if weights is None else weights, room),
    )


def _tell_shipped(variant: Variant, room: BaseRoom, env: Mapping[str, str]) -> ModelDocument:
    """One that comes with the program, whole unless the installation is damaged."""
    weights, problem, folder = None, "", shipped_folder(variant)
    try:
        weights = read_shipped(variant)
    except WeightsProblem as error:
        problem = str(error)
    return ModelDocument(
        name=variant.name,
        family=family_of(variant).title,
        state=ModelState.PARTIAL if weights is None else ModelState.SHIPPED,
        repository="",
        revision="",
        licence=variant.licence,
        needs_token=False,
        has_token=_has_token(env),
        path=None if weights is None else str(folder),
        disk_bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        at_least_bytes=0,
        problem=problem,
        counted_by="catalog" if weights is None else "headers",
        number_bytes=room.number_bytes,
        memory=memory_needs(variant if weights is None else weights, room),
    )


def tell_directory(name: str, path: Path, room: BaseRoom) -> ModelDocument:
    """One that the settings name: nobody publishes it."""
    weights, problem = None, ""
    try:
        weights = read_weights(path)
        weights.called(name)
    except (WeightsProblem, OSError) as error:
        problem = str(error)
    headers = [] if weights is None else [header for headers in weights.headers.values() for header in headers]
    return ModelDocument(
        name=name,
        family="" if weights is None else family_of(weights.variant).title,
        state=ModelState.PARTIAL if problem else ModelState.HERE,
        repository="",
        revision="",
        licence="",
        needs_token=False,
        has_token=None,
        path=str(path),
        disk_bytes=sum(header.size for header in headers),
        at_least_bytes=0,
        problem=problem,
        counted_by="headers",
        number_bytes=room.number_bytes,
        memory=[] if weights is None else memory_needs(weights, room),
    )


def _has_token(env: Mapping[str, str]) -> bool | None:
    try:
        return token_place(env) is not None
    except OSError:
        return None


def _state(variant: Variant, here: LocalCopy | None) -> ModelState:
    if here is None:
        return ModelState.MADE_UP if variant.made_up else ModelState.UNTOLD
    if here.weights is not None:
        return ModelState.HERE
    return ModelState.PARTIAL if here.is_there else ModelState.ABSENT


def _at_least(numbers: Numbers) -> int:
    return numbers.nbytes(None, _PUBLISHED_BYTES)
