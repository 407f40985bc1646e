"""An adapter file written again in another convention: the same updates in other names, exactly or not at all.

Tensors keep their bits; only alpha, where the other convention has no place for it, is folded in, and
that is told. What cannot be carried over is named, and nothing is written.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.header_text import METADATA_ENTRY_LIMIT
from kilnmark.keymaps.files.metadata import PEFT_METADATA
from kilnmark.keymaps.files.roots import AnyPath
from kilnmark.keymaps.files.safefile import read_file
from kilnmark.keymaps.names.keymap import Keymap, load_keymaps
from kilnmark.keymaps.names.schema import Role, is_transposed, load_suffixes
from kilnmark.keymaps.remap.bits import Bits, Stored, scalar
from kilnmark.keymaps.remap.file import check_goal, write_whole
from kilnmark.keymaps.remap.goal import FAMILY, GOALS, PAIRS_ALONE, GoalName, Reader, parse_reader
from kilnmark.keymaps.remap.modules import Change, Joined, Place, join, places
from kilnmark.keymaps.remap.pieces import Source, listed, read_source
from kilnmark.keymaps.said.sources import plain_entries
from kilnmark.keymaps.updates.leftovers import ENCODER, VECTORS
from kilnmark.keymaps.updates.made import names_of
from kilnmark.protocol.picture.catalog import VARIANTS

__all__ = ["GOALS", "GoalName", "Reader", "Remapped", "parse_reader", "remap_adapter"]

_STAMP = "kilnmark.remap."
_OF_BYTES = {PEFT_METADATA, "sshs_model_hash", "sshs_legacy_hash", "modelspec.hash_sha256"}
"""Metadata that describes the tensors of one file, and so never holds for another."""
_TURNED = frozenset({Role.DOWN, Role.UP})
_OF_ZEROS = {VECTORS, ENCODER}
_OF_RANK = {"ss_network_dim", "lora_rank"}
_OF_ALPHA = {"ss_network_alpha"}


@dataclass(frozen=True, slots=True)
class Remapped:
    """A file that was written.

    Attributes:
        source, path: The file that was read and the one that was written, absolute.
        source_sha256: Of all bytes of the source.
        source_convention, source_convention_version: As the source was recognised.
        convention, convention_version: Of the keymap that the new names were taken from.
        variant: The model that the file is made for.
        reader: The mflux that it was written for; empty for every one that shares down matrices.
        total_key_count: Tensors written.
        target_count: Layers that the source changes, and the new file too.
        notes: What was done beyond names, transposes and rows; sentences without full stop.
    """

    source: str
    path: str
    source_sha256: str
    source_convention: str
    source_convention_version: int
    convention: str
    convention_version: int
    variant: str
    reader: str
    total_key_count: int
    target_count: int
    notes: tuple[str, ...]


def remap_adapter(
    source: AnyPath, goal: AnyPath, to: GoalName, *, reader: Reader | None = None, force: bool = False
) -> Remapped:
    """Convert an adapter file.

    Args:
        source: A file in any convention that is read.
        goal: Where to; written whole or not at all.
        to: The convention to write.
        reader: Whose habits to suit; only for kohya names.
        force: Replace what is at `goal`.

    Raises:
        RefusedFile: The source cannot be read, or the new file could not carry all of it.
        UnusableGoal: `goal` is the source, is there already, or lies nowhere.
        ValueError: A reader of other names than kohya's.
        OSError: The file cannot be written.
    """
    if reader and to != "kohya":
        raise ValueError(f"{reader.name} is a reader of kohya names; leave it out for {to}")
    check_goal(source, goal, force=force)
    file = read_file(source)
    read = read_source(file)
    keymap = load_keymaps()[to]
    modules = _modules(read, keymap, reader)
    metadata, dropped = _metadata(read, modules, keymap, reader)
    metadata = {name: text for name, text in metadata.items() if name not in file.long}
    _check_room(read.adapter.path, metadata)
    tensors = dict(_tensors(modules, keymap))
    write_whole(goal, tensors, metadata, force=force)
    notes = (*_notes(read, modules, reader), *_dropped_note(dropped), *_long_note(file.long))
    return _remapped(read, goal, keymap, reader, len(tensors), notes)


def _modules(source: Source, keymap: Keymap, reader: Reader | None) -> tuple[Joined, ...]:
    path, name = source.adapter.path, keymap.convention.name
    row = VARIANTS.get(source.variant)
    if reader and (row is None or row.family != FAMILY):
        problem = f"is made for {source.variant}, and what {reader.name} makes of such files is not known"
        raise UnfitAdapter(path, problem, "leave --for out, for readers that share down matrices")
    kept = {piece.whole.targets for piece in source.pieces.values()}
    room = places(keymap, source.shapes, reader, kept)
    carried = {target for place in room for target in place.rows.targets}
    if name in PAIRS_ALONE and (row is None or row.family != FAMILY):
        carried = set()  # also where some of its layers have FLUX.1's names and sizes
    lost = list(dict.fromkeys(piece.key for piece in source.pieces.values() if piece.target not in carried))
    whose = f"{name} as {reader.name} reads it" if reader else name
    if lost:
        problem = f"{whose} has no module for {len(lost)} of its layers: {listed(lost)}"
        raise UnfitAdapter(path, problem, "choose another convention, or take these layers out first")
    _check_roles(source, keymap, whose, plain=reader is not None or name in PAIRS_ALONE)
    return tuple(_joined(source, room, keymap, reader))


def _check_roles(source: Source, keymap: Keymap, whose: str, *, plain: bool) -> None:
    """Every tensor must have a name there."""
    said = _suffixes(keymap)
    strange = {
        piece.key: role
        for piece in source.pieces.values()
        for role in piece.whole.tensors
        if (plain and not piece.is_plain) or role not in said
    }
    if strange:
        pieces = (piece for piece in source.pieces.values() if piece.key in strange)
        kinds = sorted({name for piece in pieces for name in names_of(piece.whole.tensors)} - {"lora"})
        what = f"{whose} has pairs of matrices alone" if plain else f"{whose} has no such tensors"
        problem = f"{what}, and {len(strange)} of its modules are more ({', '.join(kinds)}): {listed(list(strange))}"
        raise UnfitAdapter(source.adapter.path, problem, "choose another convention, or use the file as it is")


def _joined(source: Source, room: Sequence[Place], keymap: Keymap, reader: Reader | None) -> Iterator[Joined]:
    takes_alpha = Role.ALPHA in keymap.convention.suffixes.values()
    troubles: dict[str, list[str]] = {}
    for place in room:
        try:
            module = join(place, source.pieces, source.shapes, takes_alpha=takes_alpha, reader=reader)
        except ValueError as error:
            layers = [target for target in place.rows.targets if target in source.pieces]
            troubles.setdefault(str(error), []).extend(layers)
        else:
            if module:
                yield module
    if troubles:
        why = "; ".join(f"{reason}: {listed(layers)}" for reason, layers in troubles.items())
        problem = f"{keymap.convention.name} cannot say what it does to some layers: {why}"
        raise UnfitAdapter(source.adapter.path, problem, "choose another convention, or use the file as it is")


def _suffixes(keymap: Keymap) -> dict[str, str]:
    """What stands behind a module's name for each role: the first suffix that there is."""
    universal = {role: suffix for suffix, role in reversed(load_suffixes().suffixes.items())}
    return {**universal, **{role: suffix for suffix, role in reversed(keymap.convention.suffixes.items())}}


def _tensors(modules: Sequence[Joined], keymap: Keymap) -> Iterator[tuple[str, Stored]]:
    suffixes = _suffixes(keymap)
    for module in modules:
        for role, tensor in module.tensors.items():
            suffix, bits = suffixes[role], tensor.bits
            if role == Role.MAGNITUDE:
                suffix, bits = _magnitude(module, keymap, bits)
            key = f"{module.place.name}.{suffix}"
            yield key, Stored(tensor.dtype, bits.T if role in _TURNED and is_transposed(key) else bits)
        if module.alpha is not None:
            yield f"{module.place.name}.{suffixes[Role.ALPHA]}", scalar(module.alpha)


def _magnitude(module: Joined, keymap: Keymap, bits: Bits) -> tuple[str, Bits]:
    """PEFT has a vector beside its pairs, all others a column; magnitudes of inputs are a row everywhere."""
    if keymap.convention.name == "diffusers" and module.kind == "lora" and len(bits) == bits.size:
        return "lora_magnitude_vector", bits.reshape(-1)
    return "dora_scale", bits.reshape(-1, 1) if len(bits) == bits.size else bits


def _metadata(
    source: Source, modules: Sequence[Joined], keymap: Keymap, reader: Reader | None
) -> tuple[dict[str, str], list[str]]:
    """The source's own entries that still hold and the stamp; and the names of those that do not."""
    changes = {change for module in modules for change in module.changes}
    stale = {*_OF_BYTES, *(name for name, _ in plain_entries(source.adapter.metadata))}
    if Change.GROWN in changes:
        stale |= _OF_RANK | _OF_ALPHA
    if Change.FOLDED in changes:
        stale |= _OF_ALPHA
    own = {name: text for name, text in source.adapter.metadata.items() if not name.startswith(_STAMP)}
    filled = [target for module in modules for target in module.filled]
    stamp = {
        **({"filled": json.dumps(filled)} if filled else {}),
        "keymap": keymap.convention.name,
        "keymap_version": str(keymap.convention.version),
        "source_keymap": source.adapter.convention,
        "source_keymap_version": str(source.adapter.convention_version),
        "source_sha256": source.adapter.sha256,
        "tool_version": version("kilnmark"),
        **({"reader": reader.name} if reader else {}),
    }
    kept = {name: text for name, text in own.items() if name not in stale}
    return kept | {_STAMP + name: text for name, text in stamp.items()}, sorted(own.keys() & stale)


def _check_room(path: str, metadata: Mapping[str, str]) -> None:
    """The stamp must not make a header that is refused when it is read."""
    if len(metadata) > METADATA_ENTRY_LIMIT:
        problem = f"leaves no room for the stamp in its metadata ({len(metadata)} entries with it)"
        raise UnfitAdapter(path, problem, "take some of the metadata out first", key="__metadata__")


def _notes(source: Source, modules: Sequence[Joined], reader: Reader | None) -> Iterator[str]:
    counts = Counter(change for module in modules for change in module.changes)
    if source.zero_alphas:
        yield f"the alpha of 0 of {_modules_of(source.zero_alphas)} is taken for the rank, as the trainer takes it"
    if source.zeros:
        yield f"zeros that change nothing are left out: {_tensors_of(source.zeros)}"
    if folded := counts[Change.FOLDED]:
        rounded = counts[Change.ROUNDED]
        how = f"rounded to the nearest float32 in {rounded} of them" if rounded else "exactly"
        yield f"alpha / rank is folded into the up matrices of {_modules_of(folded)}, {how}"
    if widened := counts[Change.WIDENED]:
        yield f"matrices of {_modules_of(widened)} are stored in a wider dtype, which holds the same numbers"
    if grown := counts[Change.GROWN]:
        ranks = sorted({module.rank for module in modules if Change.GROWN in module.changes})
        yield (
            f"{_modules_of(grown)} joined from separate layers: block-diagonal, rank "
            f"{' and '.join(map(str, ranks))} instead of {' and '.join(map(str, _ranks(source)))}"
        )
    if filled := [target for module in modules for target in module.filled]:
        yield f"{len(filled)} layers that the source does not change get rows of zeros: {listed(filled)}"
    ignored = {reason: count for reason, count in source.adapter.ignored_keys.items() if reason not in _OF_ZEROS}
    if ignored:
        reasons = ", ".join(f"{count} ({reason})" for reason, count in ignored.items())
        yield f"keys that are no part of its updates are left out: {reasons}"
    if copies := _copies(source, modules):
        yield f"the shared down matrices of {_modules_of(copies)} are written once a layer"
    if reader and counts[Change.TILED]:
        yield (
            f"the down matrices of {_modules_of(counts[Change.TILED])} are tiled for {reader.name}: "
            "only mflux 0.13.0 to 0.18.1 reads this file rightly"
        )


def _modules_of(count: int) -> str:
    return "1 module" if count == 1 else f"{count} modules"


def _tensors_of(count: int) -> str:
    return "1 tensor" if count == 1 else f"{count} tensors"


def _ranks(source: Source) -> list[int]:
    return sorted({piece.rank for piece in source.pieces.values() if piece.rank})


def _copies(source: Source, modules: Sequence[Joined]) -> int:
    """Modules of the source that more than one was written from."""
    owners: Counter[int] = Counter()
    for module in modules:
        owners.update({id(source.pieces[t].whole) for t in module.place.rows.targets if t in source.pieces})
    return sum(1 for count in owners.values() if count > 1)


def _dropped_note(dropped: Sequence[str]) -> Iterator[str]:
    if dropped:
        yield f"metadata that describes the source alone is left out: {listed(dropped)}"


def _long_note(long: Mapping[str, int]) -> Iterator[str]:
    if long:
        yield f"metadata of {sum(long.values())} bytes is not carried over: {listed(list(long))}"


def _remapped(
    source: Source, goal: AnyPath, keymap: Keymap, reader: Reader | None, count: int, notes: tuple[str, ...]
) -> Remapped:
    return Remapped(
        source=source.adapter.path,
        path=str(Path(goal).absolute()),
        source_sha256=source.adapter.sha256,
        source_convention=source.adapter.convention,
        source_convention_version=source.adapter.convention_version,
        convention=keymap.convention.name,
        convention_version=keymap.convention.version,
        variant=source.variant,
        reader=reader.name if reader else "",
        total_key_count=count,
        target_count=len(source.pieces),
        notes=notes,
    )
