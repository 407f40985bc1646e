"""A path and a model's shapes in, an `Adapter` out: every update, and a place for every key of the file."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from types import MappingProxyType

from kilnmark.keymaps.errors import UnfitAdapter, shorten
from kilnmark.keymaps.files.roots import AnyPath
from kilnmark.keymaps.files.safefile import AdapterFile, read_file
from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.names.shapes import Shapes
from kilnmark.keymaps.names.sorting import UNREAD, Sorting, sort_keys
from kilnmark.keymaps.nearest.nearest import nearest_of
from kilnmark.keymaps.said.bases import declared_bases, notes_on_bases, other_base
from kilnmark.keymaps.said.parts import missing_parts
from kilnmark.keymaps.said.promises import Applied, check_base, lost_parts, notes_on_strength
from kilnmark.keymaps.updates.alpha import Multipliers
from kilnmark.keymaps.updates.copies import notes_on_copies
from kilnmark.keymaps.updates.filled import filled_by_word, filled_targets, without
from kilnmark.keymaps.updates.hollow import lost_matrices
from kilnmark.keymaps.updates.kind import Made
from kilnmark.keymaps.updates.leftovers import Leftovers, leftovers_of
from kilnmark.keymaps.updates.made import check_model, kind_of, made_of, names_of, notes_of
from kilnmark.keymaps.updates.update import AnyUpdate
from kilnmark.protocol.wire.inspection import Nearest

__all__ = ["Adapter", "adapter_of", "read_adapter"]

_SHOWN_WORDS = 5
"""Words of embeddings that a note has."""


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """One adapter file, read whole for one model.

    Matched, ignored and unmatched keys add up to the tensors in the file.

    Attributes:
        path: Absolute, symbolic links resolved, as `AdapterFile` has it.
        name: The file's name without its ending.
        sha256: Of all its bytes, of the config beside it and of what its name makes of them: the adapter's identity.
        size: In bytes.
        metadata: The header's `__metadata__`.
        convention: Name of the convention that explains most keys; empty when none explains any.
        convention_version: Of its YAML; 0 when there is none.
        share: The part of all keys that this convention explains, 0 to 1.
        kind: What people call its updates, such as `lora`, `dora` or `bias`, or several joined by `+`; empty when there
            is no update.
        rank: The largest of all updates, as `AdapterReport` has it; 0 when there is none.
        total_key_count: Tensors in the file.
        matched_key_count: Tensors that make the updates.
        ignored_keys: Tensors knowingly left out, counted by reason.
        unmatched_keys: Names of the tensors nothing is known about, in the file's order.
        zero_keys: Names of those among the ignored that hold nothing but zeros, as tools leave them.
        updates: One a target; a target never comes twice.
        notes: What a reader of the report must know of how the updates were made; sentences without full stop.
        nearest: What its unknown names are most like; None when none are unknown, or they are like none.
        elsewhere: The model that it looks made for, where that is another one and names are unknown here; a sentence
            without full stop, empty for others.
        belied: What is said of it that it does not bear out, as a sentence without full stop; empty where nothing.
        strength_from, made_for, config_sha256: As those of `AdapterReport`.
    """

    path: str
    name: str
    sha256: str
    size: int
    metadata: Mapping[str, str]
    convention: str
    convention_version: int
    share: float
    kind: str
    rank: int
    total_key_count: int
    matched_key_count: int
    ignored_keys: Mapping[str, int]
    unmatched_keys: tuple[str, ...]
    updates: tuple[AnyUpdate, ...]
    notes: tuple[str, ...] = ()
    nearest: Nearest | None = None
    elsewhere: str = ""
    belied: str = ""
    strength_from: Mapping[str, int] = field(default_factory=dict)
    made_for: str = ""
    config_sha256: str = ""
    zero_keys: frozenset[str] = frozenset()

    @property
    def target_count(self) -> int:
        """Layers of the model that the file names."""
        return len(self.updates)


def read_adapter(path: AnyPath, shapes: Shapes, *, roots: Sequence[AnyPath] | None = None) -> Adapter:
    """Read an adapter file for a model.

    A file in which nothing is known is read too: its counts say so.

    Args:
        path: Absolute, or relative to one of the roots.
        shapes: The model's layers, `load_shapes` or a model's own.
        roots: Directories that adapters may be read from; None allows every place.

    Raises:
        RefusedFile: Not a safe file, or its tensors cannot be applied exactly; with the key and the mend.
    """
    return adapter_of(read_file(path, roots), shapes)


def adapter_of(file: AdapterFile, shapes: Shapes) -> Adapter:
    """As `read_adapter`, from a file that is in memory already.

    Raises:
        UnfitAdapter: Its tensors cannot be applied exactly.
    """
    sorting = sort_keys(file.path, tuple(file.tensors), shapes)
    _check_kinds(file, sorting)
    elsewhere = check_model(file, sorting)
    multipliers = Multipliers(file, sorting.modules)
    check_base(file.path, multipliers.said, sorting.modules)
    made = [made_of(file, module, shapes, multipliers) for module in sorting.modules]
    left = leftovers_of(file, sorting, made)
    alive = [each for each in made if left.keeps(each)]
    filled = filled_targets(file.metadata, alive)
    kept = [without(each, filled) for each in alive]
    modules = [each.view.module for each in kept]
    # Copies ask for their strength too, but what is told of strength is that of what is applied.
    strength_from = multipliers.counts
    made_so = (*notes_of(kept, multipliers), *_filled_note(filled))
    declared = declared_bases(file.metadata, multipliers.said)
    said = (*notes_on_strength(file, multipliers.said, modules), *notes_on_bases(declared, shapes))
    told = (*said, *_words_note(sorting.words), *_unread_note(sorting))
    twice = notes_on_copies(file, sorting.copies, made, shapes, multipliers)
    adapter = _assembled(file, sorting, kept, left, (*made_so, *left.notes(), *twice, *told))
    belied = missing_parts(file) or other_base(declared, shapes) or lost_matrices(kept, filled_by_word(file.metadata))
    belied = belied or lost_parts(file, multipliers.said, list(map(_applied, kept)))
    nearest = None if elsewhere else nearest_of(adapter.unmatched_keys, shapes, usual=adapter.convention)
    made_for = declared[0].text if declared else ""
    known = replace(adapter, nearest=nearest, elsewhere=elsewhere, belied=belied)
    return replace(known, strength_from=strength_from, made_for=made_for)


def _applied(made: Made) -> Applied:
    kind = kind_of(made.view.roles)
    return Applied(made.view.module, Role.MAGNITUDE in kind.beside, kind.has_rank(made.view))


def _words_note(words: tuple[str, ...]) -> Iterator[str]:
    if words:
        shown = ", ".join(map(shorten, words[:_SHOWN_WORDS])) + (" and more" if len(words) > _SHOWN_WORDS else "")
        yield f"embeddings that were trained for {shown} are not applied, so that these words mean nothing of their own"


def _unread_note(sorting: Sorting) -> Iterator[str]:
    """Beside others; of a file that has no others its verdict says it."""
    if sorting.modules and (count := sorting.ignored.get(UNREAD, 0)):
        yield f"{count} keys are of text encoder layers that this model does not read, and change nothing"


def _filled_note(filled: Collection[str]) -> Iterator[str]:
    if filled:
        which = "1 layer of a fused module is" if len(filled) == 1 else f"{len(filled)} layers of fused modules are"
        yield f"{which} zeros that fill a row, and no part of the adapter"


def _check_kinds(file: AdapterFile, sorting: Sorting) -> None:
    if not sorting.refused:
        return
    key, kind = next(iter(sorting.refused.items()))
    problem = f"is part of a {kind} update, and such updates cannot be applied ({len(sorting.refused)} such keys)"
    raise UnfitAdapter(file.path, problem, "export the adapter as plain LoRA, nothing but pairs of matrices", key=key)


def _assembled(
    file: AdapterFile, sorting: Sorting, made: Sequence[Made], left: Leftovers, notes: tuple[str, ...]
) -> Adapter:
    updates = tuple(update for _, updates in made for update in updates)
    recognition = sorting.recognition
    convention = recognition.convention if recognition else None
    return Adapter(
        path=file.path,
        name=PurePath(file.path).stem,
        sha256=file.sha256,
        config_sha256=file.config.sha256 if file.config else "",
        size=file.size,
        metadata=file.metadata,
        convention=convention.name if convention else "",
        convention_version=convention.version if convention else 0,
        share=recognition.share if recognition else 0.0,
        kind="+".join(sorted({name for view, _ in made for name in names_of(view.roles)})),
        rank=max((update.rank for update in updates), default=0),
        total_key_count=len(file.tensors),
        matched_key_count=sum(len(view.module.keys) for view, _ in made),
        ignored_keys=MappingProxyType({**sorting.ignored, **left.counts()}),
        unmatched_keys=tuple(key for key in sorting.unmatched if key not in left.keys),
        zero_keys=frozenset(left.keys),
        updates=updates,
        notes=notes,
    )
