"""Every model of the catalog as it is on this machine: documents made of what is here and of what fits.

No network is asked here; what the hub says is added by whoever asked it.
"""

from collections.abc import Mapping

from kilnmark.client.cli.doctor.folders import free_bytes
from kilnmark.client.cli.doctor.patient import Patient, Unasked
from kilnmark.client.cli.models.documents import ModelDocument, ModelsDocument, ModelState
from kilnmark.client.cli.models.fit import BaseRoom, memory_needs, room_for_bases
from kilnmark.client.cli.models.here import LocalCopy, look_for
from kilnmark.client.hub import hub_cache, token_place
from kilnmark.protocol.picture.catalog import VARIANTS, family_of
from kilnmark.protocol.picture.family import Numbers, Variant

__all__ = ["room_of", "survey", "tell_model"]

_PUBLISHED_BYTES = 2
"""Of a number as weights are published, where they are small."""


def survey(patient: Patient) -> ModelsDocument:
    """All of them."""
    room, cache = room_of(patient), hub_cache(patient.env)
    return ModelsDocument(
        models=[tell_model(variant, room, patient.env) for variant in VARIANTS.values()],
        memory_bytes=room.nbytes,
        memory_words=room.whose,
        cache=str(cache),
        free_bytes=free_bytes(cache),
    )


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
    """One of them."""
    here = look_for(variant, env) if variant.repository else None
    weights = None if here is None else here.weights
    return ModelDocument(
        name=variant.name,
        family=family_of(variant).title,
        state=_state(variant, here),
        repository=variant.repository,
        revision=variant.revision,
        licence=variant.licence,
        needs_token=variant.gated,
        has_token=token_place(env) is not None,
        path=None if weights is None else str(weights.path),
        disk_bytes=0 if here is None else here.nbytes + here.partial_bytes,
        at_least_bytes=_at_least(variant.numbers) if here is not None and not here.is_there else 0,
        problem="" if here is None else here.problem,
        counted_by="catalog" if weights is None else "headers",
        memory=memory_needs(variant if weights is None else weights, room),
    )


def _state(variant: Variant, here: LocalCopy | None) -> ModelState:
    if here is None:
        return ModelState.MADE_UP if variant.made_up else ModelState.UNTOLD
    if here.weights is not None:
        return ModelState.HERE
    return ModelState.PARTIAL if here.is_there else ModelState.ABSENT


def _at_least(numbers: Numbers) -> int:
    return numbers.nbytes(None, _PUBLISHED_BYTES)
