"""A file's keys, sorted: into modules that will be applied, keys knowingly left out, keys of updates that cannot be
applied, and keys nothing is known about.

Every key ends in exactly one of the four, so the counts of a report add up to the number of tensors in the file.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kilnmark.keymaps.errors import UnfitAdapter, shorten
from kilnmark.keymaps.names.copies import Copy, Module, part_copies
from kilnmark.keymaps.names.meaning import Ignored, Named, OfEncoder, Refused
from kilnmark.keymaps.names.recognition import Recognition, recognise
from kilnmark.keymaps.names.schema import Convention, Rows, load_suffixes
from kilnmark.keymaps.names.shapes import Shapes, encoders, is_norm, unread_layers

__all__ = ["TEXT_ENCODER", "UNREAD", "Sorting", "sort_keys"]

TEXT_ENCODER = "text encoder"
"""Why keys of a text encoder are left out: the model has no such encoder."""
UNREAD = "text encoder layers that are not read"
"""Why keys of others are: what these layers give reaches no picture."""


@dataclass(frozen=True, slots=True)
class Sorting:
    """Where every key went.

    Attributes:
        recognition: None when no convention explains any of them.
        modules: To be applied.
        copies: Of layers that those change; their keys are among the ignored ones.
        ignored: How many are left out, by reason.
        refused: Each with the kind of update that it belongs to.
        unmatched: Nothing is known about them, or this model has no such layer.
        foreign: Those of `unmatched` that name a layer of another model.
        of_encoders: Those of `unmatched` that stand in a text encoder of the model, where no adapter changes anything.
        words: That the file has embeddings of, which are among the ignored.
    """

    recognition: Recognition | None
    modules: tuple[Module, ...]
    copies: tuple[Copy, ...]
    ignored: Mapping[str, int]
    refused: Mapping[str, str]
    unmatched: tuple[str, ...]
    foreign: tuple[str, ...]
    of_encoders: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


_Place = tuple[str, str, tuple[str, ...]]
"""A convention, a module's name in it, and its targets: some layers go by two names."""


@dataclass(slots=True)
class _Heap:
    """What is being sorted. `keys` are those of `modules`.

    The tensors of a module mostly follow each other: `meant` is what the latest choices came to, `latest` where the
    latest key went. `adapter` is the name of PEFT's that stands in the keys.
    """

    modules: dict[_Place, Module] = field(default_factory=dict)
    keys: dict[_Place, dict[str, str]] = field(default_factory=dict)
    meant: tuple[tuple[Rows, ...], Rows | None] = ((), None)
    latest: tuple[Convention, str, Rows, dict[str, str]] | None = None
    adapter: str = ""
    ignored: Counter[str] = field(default_factory=Counter)
    refused: dict[str, str] = field(default_factory=dict)
    unmatched: set[str] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)
    of_encoders: set[str] = field(default_factory=set)
    words: dict[str, None] = field(default_factory=dict)


def sort_keys(path: str, keys: Sequence[str], shapes: Shapes) -> Sorting:
    """Sort the keys of a file by what the conventions say and the model has.

    Args:
        path: For the errors.
        keys: Names of all tensors.
        shapes: The model's linear layers; a target that is none of them makes its keys unmatched.

    Raises:
        UnfitAdapter: The same layer is named twice, so that nobody can tell which copy is meant; or tensors of two
            adapters are in it, by the names that PEFT gives them.
    """
    ranking = recognise(keys)
    model = _Model(shapes)
    gathered = _Heap()
    for key in keys:
        _gather(path, key, ranking, model, gathered)
    order = [recognition.convention.name for recognition in ranking]
    parted = part_copies(path, order, _joined(gathered.modules.values()))
    gathered.unmatched.update(key for module in parted.strays for key in module.keys.values())
    for copy in parted.copies:
        gathered.ignored[copy.reason] += len(copy.module.keys)
    return Sorting(
        recognition=ranking[0] if ranking else None,
        modules=parted.kept,
        copies=parted.copies,
        ignored=gathered.ignored,
        refused=gathered.refused,
        unmatched=tuple(key for key in keys if key in gathered.unmatched),
        foreign=tuple(key for key in keys if key in gathered.foreign),
        of_encoders=tuple(key for key in keys if key in gathered.of_encoders and key in gathered.unmatched),
        words=tuple(gathered.words),
    )


@dataclass(frozen=True, slots=True)
class _Model:
    """A model's layers, and which parts are among them, looked for once each: most files name the transformer alone."""

    shapes: Shapes
    found: dict[str, bool] = field(default_factory=dict)

    def has(self, part: str) -> bool:
        """Whether it has this text encoder, or the transformer, which goes by an empty name."""
        if part not in self.found:
            begin = f"{part}."
            self.found[part] = not part or (
                part in encoders() and any(target.startswith(begin) for target in self.shapes)
            )
        return self.found[part]


def _gather(path: str, key: str, ranking: Sequence[Recognition], model: _Model, gathered: _Heap) -> None:
    named = False
    for recognition in ranking:
        match recognition.explained.get(key):
            case Ignored(reason):
                gathered.ignored[reason] += 1
                return
            case Named() | Refused() | OfEncoder() as meaning if not any(map(model.has, _parts(meaning))):
                gathered.ignored[TEXT_ENCODER] += 1
                return
            case OfEncoder():
                gathered.of_encoders.add(key)
            case Refused(kind):
                gathered.refused[key] = kind
                return
            case Named() as meaning:
                if gathered.meant[0] is not meaning.choices:
                    gathered.meant = meaning.choices, _meant(meaning, model.shapes)
                if rows := gathered.meant[1]:
                    _add(path, key, recognition.convention, _on_norm(meaning, rows, model.shapes), rows, gathered)
                    return
                if any(unread_layers().issuperset(rows.targets) for rows in meaning.choices):
                    gathered.ignored[UNREAD] += 1
                    return
                named = True
    if _is_beside(key, gathered):
        return
    gathered.unmatched.add(key)
    if named:
        gathered.foreign.add(key)


def _parts(meaning: Named | Refused | OfEncoder) -> tuple[str, ...]:
    """What its module can be a part of, as `_Model` has it."""
    return (meaning.encoder,) if isinstance(meaning, Named) else meaning.encoders or ("",)


def _is_beside(key: str, gathered: _Heap) -> bool:
    """It is no part of an update, and of no convention; what it is instead is gathered."""
    suffixes = load_suffixes()
    if not key.startswith(suffixes.beside_prefixes):
        return False
    entry = next(entry for entry in suffixes.beside if key.startswith(entry.prefix))
    gathered.ignored[entry.reason] += 1
    if entry.is_embedding:
        gathered.words[key.removeprefix(entry.prefix).rpartition(".")[0]] = None
    return True


def _meant(named: Named, shapes: Shapes) -> Rows | None:
    """The first choice whose targets the model has."""
    return next((rows for rows in named.choices if all(target in shapes for target in rows.targets)), None)


def _on_norm(meaning: Named, rows: Rows, shapes: Shapes) -> Named:
    """The same, where the layer is a norm and the tensor something else to it than to a linear layer."""
    role = load_suffixes().on_norms.get(meaning.role)
    return meaning._replace(role=role) if role is not None and is_norm(shapes[rows.targets[0]]) else meaning


def _add(path: str, key: str, convention: Convention, named: Named, rows: Rows, gathered: _Heap) -> None:
    if named.adapter:
        _check_adapter(path, key, named.adapter, gathered)
    latest = gathered.latest
    if latest is not None and latest[0] is convention and latest[1] == named.inner and latest[2] is rows:
        keys = latest[3]
    else:
        place = (convention.name, named.inner, rows.targets)
        if place not in gathered.modules:
            gathered.keys[place] = {}
            gathered.modules[place] = Module(convention, named.component, named.inner, rows, gathered.keys[place])
        keys = gathered.keys[place]
        gathered.latest = convention, named.inner, rows, keys
    if named.role in keys:
        problem = f"names the same matrix as {shorten(keys[named.role])}"
        raise UnfitAdapter(path, problem, "leave one of the two out", key=key)
    keys[named.role] = key


def _check_adapter(path: str, key: str, adapter: str, gathered: _Heap) -> None:
    if gathered.adapter not in {"", adapter}:
        both = f"{shorten(gathered.adapter)} and {shorten(adapter)}"
        problem = f"holds two adapters, {both}, and which of them is meant is open"
        raise UnfitAdapter(path, problem, "save one of them to a file of its own", key=key)
    gathered.adapter = adapter


def _joined(modules: Iterable[Module]) -> list[Module]:
    """Tensors of one layer that stand in several names, no role twice, are one module's."""
    found: dict[tuple[str, tuple[str, ...]], list[Module]] = {}
    for module in modules:
        siblings = found.setdefault((module.convention.name, module.targets), [])
        other = next((other for other in siblings if other.keys.keys().isdisjoint(module.keys)), None)
        if other is None:
            siblings.append(module)
        else:
            siblings[siblings.index(other)] = replace(other, keys={**other.keys, **module.keys})
    return [module for siblings in found.values() for module in siblings]
