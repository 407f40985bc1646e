"""Which convention explains a file: by evidence, the one that has a meaning for most of its keys."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from kilnmark.keymaps.names.index import Index
from kilnmark.keymaps.names.keymap import Keymap, load_keymaps
from kilnmark.keymaps.names.meaning import Meaning, Named
from kilnmark.keymaps.names.schema import Convention

__all__ = ["Recognition", "recognise", "spellings_of"]


@dataclass(frozen=True, slots=True)
class Recognition:
    """What one convention makes of a file.

    Attributes:
        convention: The one that was asked.
        share: The part of all keys that it explains, 0 to 1.
        explained: Those keys, each with its meaning.
    """

    convention: Convention
    share: float
    explained: Mapping[str, Meaning]

    @property
    def own(self) -> int:
        """How many of them end as the convention's own writers end them."""
        return sum(type(meaning) is Named and meaning.is_own for meaning in self.explained.values())


def recognise(keys: Sequence[str], keymaps: Iterable[Keymap] | None = None) -> tuple[Recognition, ...]:
    """Every convention that explains at least one key, the one with most evidence first.

    Args:
        keys: Names of all tensors of a file.
        keymaps: None takes all that are shipped.
    """
    index = _shipped() if keymaps is None else Index(keymaps)
    explained: dict[str, dict[str, Meaning]] = defaultdict(dict)
    for key, convention, meaning in index.meanings(keys):
        explained[convention][key] = meaning
    found = [Recognition(index.conventions[name], len(known) / len(keys), known) for name, known in explained.items()]
    found.sort(key=lambda recognition: recognition.convention.name)
    tied = {share for share, count in Counter(recognition.share for recognition in found).items() if count > 1}
    found.sort(key=lambda each: (-each.share, -each.own if each.share in tied else 0))
    return tuple(found)


def spellings_of(key: str) -> Iterator[str]:
    """What a key is looked up as, the nearest to how it stands first."""
    return _shipped().spellings(key)


@cache
def _shipped() -> Index:
    return Index(load_keymaps().values())
