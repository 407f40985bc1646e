"""What is all zero in a file whose rest is alive, because its maker writes all that it knows: left out, and told.

An extraction, and ComfyUI's node that trains, write every norm and every bias of a model, changed or not; kohya's
sd-scripts write a text encoder that they were told not to train, and an extraction one that two checkpoints share
(kohya-ss/sd-scripts#91, huggingface/diffusers#10985). So vectors of zeros are leftovers, and a text encoder in which
nothing is anything else. Everything else that is zero, such as a single pair among trained ones, looks the same when
it was lost, and stays an accusation; so does a file of nothing but zeros.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.schema import Role, load_suffixes
from kilnmark.keymaps.names.shapes import encoder_of
from kilnmark.keymaps.names.sorting import Sorting
from kilnmark.keymaps.updates.kind import Made

__all__ = ["ENCODER", "VECTORS", "Leftovers", "leftovers_of"]

VECTORS = "zeros of norms and biases"
ENCODER = "zeros of a text encoder"
"""Why such keys are left out."""

_VECTORS = frozenset({"w_norm", Role.DIFF_B, Role.ALPHA})
"""Roles of the tensors that changes of scales and of biases are made of."""


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What of a file is left out for being zero: each key with the reason."""

    keys: Mapping[str, str]

    def counts(self) -> Counter[str]:
        """Keys by reason."""
        return Counter(self.keys.values())

    def keeps(self, made: Made) -> bool:
        """Whether a module is none of them."""
        return self.keys.keys().isdisjoint(made.view.module.keys.values())

    def notes(self) -> Iterator[str]:
        """What a reader of the report must know; sentences without full stop."""
        counts = self.counts()
        if count := counts[VECTORS]:
            yield f"{_keys(count)} of norms and biases hold nothing but zeros, as tools write what they leave alone"
        if count := counts[ENCODER]:
            yield f"{_keys(count)} of a text encoder would change nothing, as where it was not trained"


def leftovers_of(file: AdapterFile, sorting: Sorting, made: Sequence[Made]) -> Leftovers:
    """Find them.

    Args:
        file: Whose tensors are in memory.
        sorting: Of its keys.
        made: Every module of it, with its updates.
    """
    live = {_part(each) for each in made if not _is_zero(each)}
    if not live:
        return Leftovers({})
    keys = dict.fromkeys(_zero_keys(file, sorting), ENCODER)
    for each in filter(_is_zero, made):
        if _VECTORS.issuperset(each.view.roles):
            keys.update(dict.fromkeys(each.view.module.keys.values(), VECTORS))
        elif _part(each) not in {*live, _TRANSFORMER}:
            keys.update(dict.fromkeys(each.view.module.keys.values(), ENCODER))
    return Leftovers(keys)


_TRANSFORMER = ""


def _part(made: Made) -> str:
    """The text encoder that a module belongs to, or the transformer."""
    return encoder_of(made.view.targets[0])


def _is_zero(made: Made) -> bool:
    return all(update.is_zero for update in made.updates)


def _zero_keys(file: AdapterFile, sorting: Sorting) -> Iterator[str]:
    """Keys of text encoders that make no update, and would make one of zero."""
    roles = _roles(sorting)
    modules: dict[str, dict[str, str]] = defaultdict(dict)
    for key in sorting.of_encoders:
        module, role = next(
            ((key.removesuffix(f".{suffix}"), role) for suffix, role in roles if key.endswith(f".{suffix}")), (key, key)
        )
        modules[module][role] = key
    for keys in modules.values():
        factor = [keys[Role.UP]] if Role.UP in keys else [key for role, key in keys.items() if role != Role.ALPHA]
        if factor and all(map(file.is_zero, factor)):
            yield from keys.values()


def _roles(sorting: Sorting) -> list[tuple[str, str]]:
    """Suffixes with their roles, the longest first."""
    own = sorting.recognition.convention.suffixes if sorting.recognition else {}
    return sorted({**load_suffixes().suffixes, **own}.items(), key=lambda each: -len(each[0]))


def _keys(count: int) -> str:
    return "1 key" if count == 1 else f"{count} keys"
