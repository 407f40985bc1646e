"""Functions over layers, compiled with the layers' arrays as inputs: one trace serves all layers of the same form.

A trace that held its weights as constants would keep a base alive after it left, and paint with a stack that is off.
So layers are taken apart into their form, which is hashable and holds no array, and their arrays; inside the trace they
are put together again around whatever stands for those arrays there. Which functions are compiled, families decide.
"""

import dataclasses
import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import FunctionType
from typing import Any, Generic, TypeVar

import mlx.core as mx
import numpy as np
from mlx import nn

__all__ = ["FORMS", "TRACES", "Hollow", "Shared", "Traces", "put_together", "recent", "taken_apart"]

log = logging.getLogger(__name__)

_Given = TypeVar("_Given")
_Kept = TypeVar("_Kept")

FORMS = 32
"""Of layers, with the shapes of their arrays, that one function is kept compiled for."""
TRACES = 64
"""Of one function: for each form, and each size of picture and prompt. The longest unused is made again when it comes
back, which takes a fifth of a second; without a bound, every size that was ever asked for would stay."""

_OWN = ("_no_grad", "_training")
"""What MLX keeps on every module, and no computation reads."""
_PLAIN = (bool, int, float, str, type(None), mx.Dtype, FunctionType, type(nn.silu))
"""Values that are a part of a layer's form; the last is the type of what `mx.compile` gives."""


@dataclass(frozen=True, slots=True)
class _Array:
    place: int


@dataclass(frozen=True, slots=True)
class _Plain:
    """The type tells 1 from 1.0 and True, which are equal."""

    kind: type
    value: Hashable


@dataclass(frozen=True, slots=True)
class _Items:
    kind: type
    items: tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class _Module:
    """A module or a dict: its items, and of a module what else it has."""

    kind: type
    names: tuple[str, ...]
    items: tuple[Hashable, ...]
    others: tuple[tuple[str, Hashable], ...]


@dataclass(frozen=True, slots=True)
class _Record:
    """A frozen dataclass, such as an update's part that says how it is painted."""

    kind: type
    items: tuple[tuple[str, Hashable], ...]


@dataclass(frozen=True, slots=True)
class Hollow:
    """What stands in a form for an array of numpy's: its shape, and no numbers.

    Whoever would compute with it fails, where numbers of the first layers of this form would be wrong for the next.
    """

    shape: tuple[int, ...]

    @property
    def ndim(self) -> int:
        """As numpy has it."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]


def taken_apart(layers: object) -> tuple[Hashable, list[mx.array]]:
    """Layers as their form and their arrays; an array that several of them have is there once.

    Args:
        layers: Modules, in tuples, lists or dicts. Records in them keep the shapes of numpy's arrays, not the numbers,
            which must be there as arrays of MLX too.

    Raises:
        TypeError: Something in them is neither.
    """
    arrays: dict[int, tuple[int, mx.array]] = {}
    return _form(layers, arrays), [array for _, array in arrays.values()]


def put_together(form: Hashable, arrays: Sequence[mx.array]) -> Any:
    """The same layers around other arrays, which `taken_apart` had at their places."""
    match form:
        case _Array(place):
            return arrays[place]
        case _Plain(_, value):
            return value
        case Hollow():
            return form
        case _Record(kind, fields):
            return _record(kind, fields)
        case _Items(kind, items):
            made = [put_together(item, arrays) for item in items]
            return kind(*made) if hasattr(kind, "_fields") else kind(made)
        case _Module(kind, names, items, others):
            named = dict(zip(names, (put_together(item, arrays) for item in items), strict=True))
            return _module(kind, named, others) if issubclass(kind, nn.Module) else named
    raise TypeError(form)


def _form(thing: object, arrays: dict[int, tuple[int, mx.array]]) -> Hashable:
    if isinstance(thing, mx.array):
        place, _ = arrays.setdefault(id(thing), (len(arrays), thing))
        return _Array(place)
    if isinstance(thing, dict):
        items = tuple(_form(item, arrays) for item in thing.values())
        others = tuple(_others(thing)) if isinstance(thing, nn.Module) else ()
        return _Module(type(thing), tuple(thing), items, others)
    if isinstance(thing, tuple | list):
        return _Items(type(thing), tuple(_form(item, arrays) for item in thing))
    return _plain(thing)


def _others(module: nn.Module) -> Iterator[tuple[str, Hashable]]:
    for name, value in sorted(vars(module).items()):
        if name not in _OWN:
            yield name, _plain(value)


def _plain(value: object) -> Hashable:
    """What belongs to the form alone."""
    if isinstance(value, _PLAIN):
        return _Plain(type(value), value)
    if isinstance(value, np.ndarray):
        return Hollow(value.shape)
    if isinstance(value, tuple):
        return _Items(type(value), tuple(map(_plain, value)))
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and type(value).__hash__ is not None:
        items = tuple((field.name, _plain(getattr(value, field.name))) for field in dataclasses.fields(value))
        return _Record(type(value), items)
    raise TypeError(f"{type(value).__name__} is no part of a layer's form")


def _record(kind: type, fields: tuple[tuple[str, Hashable], ...]) -> object:
    """Without its `__init__`, which might read numbers."""
    record: object = object.__new__(kind)
    for name, form in fields:
        object.__setattr__(record, name, put_together(form, []))
    return record


def _module(kind: type[nn.Module], named: dict[str, Any], others: tuple[tuple[str, Hashable], ...]) -> nn.Module:
    """Without its `__init__`, which would make arrays of its own."""
    module: nn.Module = dict.__new__(kind)
    nn.Module.__init__(module)
    dict.update(module, named)
    vars(module).update({name: put_together(form, []) for name, form in others})
    return module


@dataclass(slots=True)
class Traces:
    """What was traced so far.

    Attributes:
        made: Times that a function was traced: for a new form, or for new shapes or types of a known one.
        plain: Times that layers were bound to a function as they are, since they cannot be traced.
    """

    made: int = 0
    plain: int = 0


class Shared(Generic[_Given]):
    """A function of layers that is compiled once for a form and what it is given, or not at all.

    Args:
        function: Of layers, and then of arrays, in tuples and lists; it reaches for no array but through these.
        traces: Where its traces are counted.
    """

    def __init__(self, function: Callable[..., _Given], traces: Traces) -> None:
        self._function = function
        self._traces = traces
        self._forms: OrderedDict[Hashable, _KnownForm] = OrderedDict()
        self._compiled: OrderedDict[Hashable, Callable[..., _Given]] = OrderedDict()

    def __len__(self) -> int:
        """Traces that are held."""
        return len(self._compiled)

    def bound(self, layers: object, *, compiled: bool) -> Callable[..., _Given]:
        """The function of these layers as they are now: what is put in their place later changes nothing of it.

        Args:
            layers: In tuples or lists.
            compiled: False for the function as it is, without a trace.
        """
        if not compiled:
            return partial(self._function, layers)
        try:
            form, arrays = taken_apart(layers)
        except TypeError as error:
            if not self._traces.plain:
                log.warning("a block runs uncompiled, slower than others, with the stack that is on: %s", error)
            self._traces.plain += 1
            return partial(self._function, layers)
        known = recent(self._forms, (form, _shapes(arrays)), FORMS, lambda: _KnownForm(form))
        return partial(self._traced, known, arrays)

    def _traced(self, known: "_KnownForm", arrays: list[mx.array], *others: Any) -> _Given:
        function = partial(_called, self._function, self._traces, known.form)
        traced = recent(self._compiled, (known, _shapes(others)), TRACES, lambda: mx.compile(function))
        return traced(arrays, *others)


@dataclass(frozen=True, slots=True, eq=False)
class _KnownForm:
    """A form, found by itself from then on: it has hundreds of parts, which no step may have to hash."""

    form: Hashable


def recent(held: OrderedDict[Hashable, _Kept], key: Hashable, limit: int, make: Callable[[], _Kept]) -> _Kept:
    """What is held under a key, else what is made for it now; of more than `limit`, what was not used for longest goes.

    Args:
        held: By key, the one that was used last at the end.
        key: Which.
        limit: Of how many are held.
        make: Makes what is not held.
    """
    if key not in held:
        held[key] = make()
        if len(held) > limit:
            held.popitem(last=False)
    held.move_to_end(key)
    return held[key]


def _shapes(given: Any) -> Hashable:
    """Shapes and types of the arrays in tuples and lists."""
    return (given.shape, given.dtype) if isinstance(given, mx.array) else tuple(map(_shapes, given))


def _called(
    function: Callable[..., _Given], traces: Traces, form: Hashable, arrays: list[mx.array], *others: Any
) -> _Given:
    traces.made += 1
    return function(put_together(form, arrays), *others)
