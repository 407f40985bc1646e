"""A file's keys, sorted: into modules that will be applied, keys knowingly left out, keys of updates that cannot be
applied, and keys nothing is known about.

Every key ends in exactly one of the four, so the counts of a report add up to the number of tensors in the file.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kilnmark.keymaps.errors import UnfitAdapter, shorten
from kilnmark.keymaps.names.meaning import Ignored, Named, OfEncoder, Refused
from kilnmark.keymaps.names.recognition import Recognition, recognise
from kilnmark.keymaps.names.schema import Convention, Role, Rows, load_suffixes
from kilnmark.keymaps.names.shapes import Shapes, encoder_of, is_norm

__all__ = ["TEXT_ENCODER", "Module", "Sorting", "sort_keys"]

TEXT_ENCODER = "text encoder"
"""Why keys of a text encoder are left out: the model has no such encoder."""


@dataclass(frozen=True, slots=True)
class Module:
    """The tensors of one module of the file, and the targets its rows stand for.

    Attributes:
        convention: The one that explained the names.
        component: PEFT's name of the part that the module belongs to.
        inner: The module's name inside that part.
        rows: Its targets are layers of the model.
        keys: The tensor of each role.
    """

    convention: Convention
    component: str
    inner: str
    rows: Rows
    keys: Mapping[str, str]

    @property
    def targets(self) -> tuple[str, ...]:
        """In row order."""
        return self.rows.targets


@dataclass(frozen=True, slots=True)
class Sorting:
    """Where every key went.

    Attributes:
        recognition: None when no convention explains any of them.
        modules: To be applied.
        ignored: How many are left out, by reason.
        refused: Each with the kind of update that it belongs to.
        unmatched: Nothing is known about them, or this model has no such layer.
        foreign: Those of `unmatched` that name a layer of another model.
        of_encoders: Those of `unmatched` that stand in a text encoder of the model, where no adapter changes anything.
    """

    recognition: Recognition | None
    modules: tuple[Module, ...]
    ignored: Mapping[str, int]
    refused: Mapping[str, str]
    unmatched: tuple[str, ...]
    foreign: tuple[str, ...]
    of_encoders: tuple[str, ...] = ()


@dataclass(slots=True)
class _Heap:
    """What is being sorted. `keys` are those of `modules`.

    The tensors of a module mostly follow each other: `meant` is what the latest choices came to, `latest` where the
    latest key went. `adapter` is the name of PEFT's that stands in the keys.
    """

    modules: dict[tuple[str, tuple[str, ...]], Module] = field(default_factory=dict)
    keys: dict[tuple[str, tuple[str, ...]], dict[str, str]] = field(default_factory=dict)
    meant: tuple[tuple[Rows, ...], Rows | None] = ((), None)
    latest: tuple[Convention, Rows, dict[str, str]] | None = None
    adapter: str = ""
    ignored: Counter[str] = field(default_factory=Counter)
    refused: dict[str, str] = field(default_factory=dict)
    unmatched: set[str] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)
    of_encoders: set[str] = field(default_factory=set)


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
    model = _Model(shapes, frozenset(map(encoder_of, shapes)) | {""})
    gathered = _Heap()
    for key in keys:
        _gather(path, key, ranking, model, gathered)
    modules = _without_copies(path, ranking, gathered)
    return Sorting(
        recognition=ranking[0] if ranking else None,
        modules=modules,
        ignored=gathered.ignored,
        refused=gathered.refused,
        unmatched=tuple(key for key in keys if key in gathered.unmatched),
        foreign=tuple(key for key in keys if key in gathered.foreign),
        of_encoders=tuple(key for key in keys if key in gathered.of_encoders and key in gathered.unmatched),
    )


@dataclass(frozen=True, slots=True)
class _Model:
    """A model's layers, and which text encoders are among them; the transformer goes by an empty name."""

    shapes: Shapes
    parts: frozenset[str]


def _gather(path: str, key: str, ranking: Sequence[Recognition], model: _Model, gathered: _Heap) -> None:
    named = False
    for recognition in ranking:
        match recognition.explained.get(key):
            case Ignored(reason):
                gathered.ignored[reason] += 1
                return
            case Named() | Refused() | OfEncoder() as meaning if meaning.encoder not in model.parts:
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
                named = True
    gathered.unmatched.add(key)
    if named:
        gathered.foreign.add(key)


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
    if latest is not None and latest[0] is convention and latest[1] is rows:
        keys = latest[2]
    else:
        place = (convention.name, rows.targets)
        if place not in gathered.modules:
            gathered.keys[place] = {}
            gathered.modules[place] = Module(convention, named.component, named.inner, rows, gathered.keys[place])
        keys = gathered.keys[place]
        gathered.latest = convention, rows, keys
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


def _without_copies(path: str, ranking: Sequence[Recognition], gathered: _Heap) -> tuple[Module, ...]:
    """The modules to apply: where two conventions name the same layers, the one that explains more of the file."""
    order = [recognition.convention.name for recognition in ranking]
    kept: list[Module] = []
    taken: dict[str, Module] = {}
    for module in sorted(gathered.modules.values(), key=lambda module: order.index(module.convention.name)):
        if module.keys.keys() == {Role.ALPHA}:
            gathered.unmatched.update(module.keys.values())
        elif not (copied := [target for target in module.targets if target in taken]):
            kept.append(module)
            taken.update(dict.fromkeys(module.targets, module))
        elif len(copied) == len(module.targets):
            gathered.ignored[f"copy of the same layers in {module.convention.name} names"] += len(module.keys)
        else:
            other = shorten(next(iter(taken[copied[0]].keys.values())))
            problem = f"changes {copied[0]}, which {other} changes too, among layers that it does not"
            raise UnfitAdapter(path, problem, "keep one of the two copies", key=next(iter(module.keys.values())))
    return tuple(kept)
