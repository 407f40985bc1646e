"""The multiplier of an update: alpha / rank, or alpha / sqrt(rank) where rsLoRA was used, from wherever alpha stands.

A tensor holds before the metadata, the metadata before a config beside the file, and alpha is the rank where nobody
says. Who said it is kept for the report, and so is everybody who says otherwise.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.copies import Module
from kilnmark.keymaps.names.schema import AlphaSource, Role
from kilnmark.keymaps.said.sources import Sayings, Strength, said_of

__all__ = ["Multipliers"]

_UNLIKE = 1e-3
"""Two multipliers that differ by more than this part are two statements; alpha tensors may be F16 or BF16."""
_MEND = "save the adapter again with its trainer, or name its modules plainly"


class _Claim(NamedTuple):
    """What one source says of a module; `where` is what sentences call it."""

    strength: Strength
    where: str
    multiplier: float


_UNSAID = _Claim(Strength.DEFAULT, "nobody", 1.0)


class Multipliers:
    """The multipliers of one file's modules.

    Args:
        file: That they stand in.
        modules: Those of it that are applied.

    Attributes:
        said: What is said of the file outside its tensors.
    """

    def __init__(self, file: AdapterFile, modules: Sequence[Module]) -> None:
        self._file = file
        self.said: Sayings = said_of(file, modules)
        self._alphas: dict[str, float] = {}
        self._held: dict[tuple[str, ...], Strength] = {}
        self._unlike: dict[tuple[str, str], list[tuple[float, float]]] = {}
        self._ranks: dict[str, list[tuple[int, int]]] = {}
        self._others: Counter[tuple[str, str]] = Counter()

    def of(self, module: Module, rank: int, kind: str = "LORA") -> float:
        """From the first source of the module's convention that has a value.

        Args:
            module: Whose update it is.
            rank: Of its tensors.
            kind: PEFT's name for such updates; a config of another kind does not count.

        Raises:
            UnfitAdapter: Alpha is no finite number, or what should say it cannot be understood.
        """
        claims = [*self._tensors(module, rank), *self._configs(module, rank, kind)]
        return self._settled(module, claims)

    def of_whole(self, module: Module, kind: str) -> float:
        """Of an update whose tensors have no rank: LyCORIS multiplies it by nothing, PEFT by its config's alpha / rank.

        Raises:
            UnfitAdapter: As `of` does.
        """
        if Role.ALPHA in module.keys:
            return self._settled(module, [])
        return self._settled(module, [*self._configs(module, None, kind)])

    def stored(self, module: Module) -> float | None:
        """What its alpha tensor says; None without one.

        Raises:
            UnfitAdapter: It is no finite number.
        """
        return self._tensor(module.keys[Role.ALPHA]) if Role.ALPHA in module.keys else None

    def is_zero_for_rank(self, module: Module) -> bool:
        """Its alpha of zero stands for the rank."""
        if module.convention.zero_alpha != "rank" or Role.ALPHA not in module.keys:
            return False
        return self._tensor(module.keys[Role.ALPHA]) == 0.0

    @property
    def counts(self) -> Mapping[str, int]:
        """How many modules have their strength from where."""
        return dict(Counter(map(str, self._held.values())))

    def notes(self) -> Iterator[str]:
        """Where sources say different things, and which holds; sentences without full stop."""
        yield from self.said.notes
        for (held, other), pairs in self._unlike.items():
            mine, his = pairs[0]
            yield f"{other} says a strength of {his:g} where {held} says {mine:g} ({_modules(pairs)}); {held} holds"
        for where, ranks in self._ranks.items():
            said, true = ranks[0]
            yield f"{where} says rank {said} where the tensors have {true} ({_modules(ranks)}); the tensors hold"
        for (where, kind), count in self._others.items():
            yield f"{where} is that of a {kind}, and is not used for {_count(count)} of another kind"

    def _settled(self, module: Module, claims: list[_Claim]) -> float:
        held, *others = claims or [_UNSAID]
        self._held[module.targets] = held.strength
        for other in others:
            if not math.isclose(held.multiplier, other.multiplier, rel_tol=_UNLIKE):
                self._unlike.setdefault((held.where, other.where), []).append((held.multiplier, other.multiplier))
        return held.multiplier

    def _tensors(self, module: Module, rank: int) -> Iterator[_Claim]:
        if AlphaSource.TENSOR in module.convention.alpha and Role.ALPHA in module.keys:
            multiplier = 1.0 if self.is_zero_for_rank(module) else self._tensor(module.keys[Role.ALPHA]) / rank
            yield _Claim(Strength.TENSOR, "the alpha tensor", multiplier)

    def _configs(self, module: Module, rank: int | None, kind: str) -> Iterator[_Claim]:
        """By configs; a rank of None is that of the config, which then must say that it is of this kind."""
        if AlphaSource.METADATA not in module.convention.alpha:
            return
        if Role.ALPHA not in module.keys:
            self.said.check()
        for source, config in self.said.of(module.component):
            if not config.is_for(kind) or (rank is None and config.kind != kind):
                self._others[source.where, config.kind] += 1
                continue
            try:
                said = config.rank_of(module.inner)
                true = said if rank is None else rank
                multiplier = config.multiplier(module.inner, true) if true else None
            except ValueError as error:
                raise UnfitAdapter(self._file.path, f"a pattern of {source.where} {error}", _MEND) from error
            if rank is not None and said not in (None, rank):
                self._ranks.setdefault(source.where, []).append((said or 0, rank))
            if multiplier is not None:
                yield _Claim(source.strength, source.where, multiplier)

    def _tensor(self, key: str) -> float:
        if (known := self._alphas.get(key)) is not None:
            return known
        alpha = self._alphas[key] = self._file.scalar(key)
        if not math.isfinite(alpha):
            raise UnfitAdapter(self._file.path, f"alpha is {alpha}", "train or export the adapter again", key=key)
        return alpha


def _modules(cases: list[tuple[float, float]] | list[tuple[int, int]]) -> str:
    return _count(len(cases))


def _count(count: int) -> str:
    return "1 module" if count == 1 else f"{count} modules"
