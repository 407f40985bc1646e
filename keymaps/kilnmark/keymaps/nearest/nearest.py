"""What names that nobody knows are most like: the nearest convention, and how the names differ from its own.

A guess for people, never a reading: nothing is applied on its account. It looks at one key of each form that a file
has and at a bounded number of forms, so that it takes milliseconds for whatever a file is full of.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from kilnmark.keymaps.names.keymap import load_keymaps
from kilnmark.keymaps.names.recognition import spellings_of
from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.names.shapes import Shapes
from kilnmark.keymaps.nearest.likeness import Likeness, is_in, likeness_of, tail_of
from kilnmark.keymaps.nearest.words import Cut, Layer, cuts_of
from kilnmark.protocol.wire.inspection import NameDifference, Nearest

__all__ = ["FAR", "nearest_of"]

_NAME_LIMIT = 200
"""Characters of a key that may be like a known one; the longest real key has 130."""
_FORM_LIMIT = 96
"""Forms of keys that are looked at."""
_SHOWN = 5
_SPELLINGS = 3
"""Ways to take out of a name what says nothing of the layer; real ones have one such word."""
_DIGITS = str.maketrans("123456789", "000000000")
FAR = 6.0
"""Words by which names may differ on average, as `likeness` counts them."""
_STRANGE = 9
"""Cost of a key that a convention has no likeness of."""


@dataclass(frozen=True, slots=True)
class _Form:
    """Keys that differ in numbers alone: the first of them, and how many there are."""

    key: str
    count: int


def nearest_of(keys: Iterable[str], shapes: Shapes, usual: str = "", *, far: float = FAR) -> Nearest | None:
    """The convention that names are nearest to; None when they are like none.

    Args:
        keys: Names of tensors that nothing is known about.
        shapes: The model's layers.
        usual: The convention of the file's other keys, which is meant where two are equally near; else the one is that
            has the names' endings for its own.
        far: Words by which a name may differ on average and still be like another.
    """
    forms = _forms(keys)
    total = sum(form.count for form in forms)
    found: dict[str, list[tuple[_Form, Likeness]]] = defaultdict(list)
    for form in forms:
        for name, likeness in _likenesses(form.key, shapes).items():
            found[name].append((form, likeness))
    costs = {name: _cost(likenesses, total) for name, likenesses in found.items()}
    own = {name: sum(form.count for form, like in likenesses if like.role) for name, likenesses in found.items()}
    order = list(load_keymaps())
    best = min(costs, key=lambda name: (costs[name], name != usual, -own[name], order.index(name)), default=None)
    if best is None or costs[best] > far * total:
        return None
    return _told(best, found[best])


def _forms(keys: Iterable[str]) -> list[_Form]:
    counts: Counter[str] = Counter()
    firsts: dict[str, str] = {}
    for key in keys:
        if len(key) <= _NAME_LIMIT:
            form = key.translate(_DIGITS).replace("00", "0")
            if form in firsts or len(firsts) < _FORM_LIMIT:
                firsts.setdefault(form, key)
                counts[form] += 1
    return [_Form(firsts[form], count) for form, count in counts.items()]


def _cost(likenesses: Sequence[tuple[_Form, Likeness]], total: int) -> int:
    near = sum(form.count for form, _ in likenesses)
    return sum(form.count * likeness.cost for form, likeness in likenesses) + _STRANGE * (total - near)


def _told(name: str, likenesses: Sequence[tuple[_Form, Likeness]]) -> Nearest:
    kinds: dict[tuple[str, ...], list[tuple[_Form, Likeness]]] = defaultdict(list)
    forms: Counter[tuple[bool, str]] = Counter()
    for form, likeness in likenesses:
        kinds[likeness.kind].append((form, likeness))
        forms[likeness.role == Role.DOWN, likeness.form] += form.count
    told = sorted((_difference(alike) for alike in kinds.values()), key=lambda difference: -difference.key_count)
    _, common = max(forms, key=lambda each: (each[0], forms[each]))
    return Nearest(name, common, forms.total(), tuple(told[:_SHOWN]))


def _difference(alike: Sequence[tuple[_Form, Likeness]]) -> NameDifference:
    form, first = alike[0]
    exact = len({likeness.parts for _, likeness in alike}) == 1
    words = [part.exact if exact and part.exact else part.words for part in first.parts]
    return NameDifference(" and ".join(words), sum(form.count for form, _ in alike), form.key, first.meant)


def _likenesses(key: str, shapes: Shapes) -> Mapping[str, Likeness]:
    """The least costly spelling in every convention that has one; empty for a name that is known."""
    best: dict[str, Likeness] = {}
    for beside, spelled in enumerate(islice(spellings_of(key), _SPELLINGS)):
        for cut in cuts_of(spelled, tail_of(spelled)):
            for name, layer in _one_each(cut, shapes).items():
                likeness = likeness_of(cut, layer, shapes, beside)
                if not likeness.parts:
                    return {}
                if likeness.cost < (best[name].cost if name in best else _STRANGE):
                    best[name] = likeness
    return best


def _one_each(cut: Cut, shapes: Shapes) -> Mapping[str, Layer]:
    """Of layers that are equally like a name, one a convention: the one with the prefix, of this model if there is."""
    found: dict[str, tuple[bool, bool, Layer]] = {}
    for layer in cut.layers:
        name = layer.keymap.convention.name
        rank = cut.before in layer.prefixes, is_in(layer, cut.block, shapes)
        if name not in found or rank > found[name][:2]:
            found[name] = (*rank, layer)
    return {name: layer for name, (*_, layer) in found.items()}
