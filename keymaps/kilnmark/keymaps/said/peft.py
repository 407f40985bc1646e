"""PEFT's config, read into what it says of an adapter's strength and making. Where it stood is not known here.

Fields and their meaning: huggingface/peft, commit 5d602fdb, tuners/lora/config.py, tuners/loha/config.py,
tuners/lokr/config.py; `LoraLayer.update_layer` for scaling and initialisations.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict

from kilnmark.keymaps.said.expressions import LENGTH_LIMIT, Expression, StepsLeft

__all__ = ["Patterns", "PeftConfig", "SaidNames", "names_of_fields", "parse_config", "says_all_in_tensors"]

_PATTERN_LIMIT: Final = 2000
"""Patterns of one field; a model has a thousand modules at most."""
_EXPRESSION_LIMIT: Final = 200
"""Those of them that are more than plain names."""
_PLAIN = re.compile(r"\^?(?:[\w-]|\\?\.)+\$?")


class SaidNames(BaseModel):
    """`names.yaml`: the words that trainers have for strength.

    Attributes:
        alpha: Fields of alpha that mean nothing else.
        alpha_of_rank: Fields that count beside one of `rank` only, because other things are called so too.
        rank: Fields of the rank.
        altering: Beginnings of PEFT's initialisations that take a part out of the base's own weights.
        altering_fields: Fields whose presence means the same.
        wrapped: What names of PEFT's own files begin with.
        kohya: kohya's entries for alpha and rank. They hold for alpha tensors alone: converters multiply alpha in, take
            the tensors out and keep the entries.
        stamps: Beginnings of entries whose files say everything in their tensors.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    alpha: list[str]
    alpha_of_rank: list[str]
    rank: list[str]
    altering: list[str]
    altering_fields: list[str]
    wrapped: str
    kohya: list[str]
    stamps: list[str]


@cache
def names_of_fields() -> SaidNames:
    """Of the document beside this module."""
    text = files("kilnmark.keymaps.said").joinpath("names.yaml").read_text(encoding="utf-8")
    return SaidNames.model_validate(yaml.safe_load(text))


def says_all_in_tensors(metadata: Mapping[str, str]) -> bool:
    """Whether a file bears the stamp of a tool that writes all there is to say into tensors."""
    return any(entry.startswith(tuple(names_of_fields().stamps)) for entry in metadata)


class Patterns:
    """Values for some modules by their names, in order: the first pattern that fits decides.

    Args:
        values: Pattern to value.
        steps: What matching may take.

    Raises:
        ValueError: A pattern that cannot be matched, or too many of them.
    """

    def __init__(self, values: Mapping[str, float], steps: StepsLeft) -> None:
        if len(values) > _PATTERN_LIMIT:
            raise ValueError(f"has {len(values)} patterns, more than {_PATTERN_LIMIT}")
        expressions = sum(not _is_plain(pattern) for pattern in values)
        if expressions > _EXPRESSION_LIMIT:
            raise ValueError(f"has {expressions} regular expressions, more than {_EXPRESSION_LIMIT}")
        self._values = [(_compiled(pattern, steps), value) for pattern, value in values.items()]
        self._known: dict[str, tuple[float, bool] | None] = {}

    def __bool__(self) -> bool:
        return bool(self._values)

    def of(self, module: str) -> float | None:
        """Of a module's name; None where none fits.

        Raises:
            ValueError: Matching takes too long.
        """
        found = self._found(module)
        return None if found is None else found[0]

    def is_by_expression(self, module: str) -> bool:
        """It is more than a plain name that fits the module's."""
        found = self._found(module)
        return found is not None and found[1]

    def _found(self, module: str) -> tuple[float, bool] | None:
        if not self._values:
            return None
        if module not in self._known:
            fitting = ((value, isinstance(it, Expression)) for it, value in self._values if it.matches(module))
            self._known[module] = next(fitting, None)
        return self._known[module]


class _PlainName:
    """A pattern without repetitions, which `re` matches in a time that nobody can stretch."""

    def __init__(self, text: str) -> None:
        self._compiled = re.compile(rf"(?:.*\.)?(?:{text})$")

    def matches(self, name: str) -> bool:
        return self._compiled.match(name) is not None


def _is_plain(pattern: str) -> bool:
    return len(pattern) <= LENGTH_LIMIT and _PLAIN.fullmatch(pattern) is not None


def _compiled(pattern: str, steps: StepsLeft) -> Expression | _PlainName:
    try:
        return _PlainName(pattern) if _is_plain(pattern) else Expression(pattern, steps)
    except ValueError as error:
        problem = f"{pattern[:80]!r} is a regular expression that cannot be matched: it {error}"
        raise ValueError(problem) from error


@dataclass(frozen=True, slots=True, eq=False)
class PeftConfig:
    """What one config says; what it does not say is None or empty.

    Attributes:
        kind: `peft_type`, in capitals.
        alpha: `lora_alpha`, or `alpha` of LoHa and LoKr.
        rank: `r`.
        alphas, ranks: `alpha_pattern` and `rank_pattern`.
        rslora: `use_rslora`: divide by the root of the rank (Kalajdzievski, 2023, arXiv 2312.03732).
        dora: `use_dora`: every module has magnitudes.
        altering: The initialisation that took a part out of the base's own weights.
        targets: `target_modules`: ends of names; a text is one expression for whole names.
        whole: `modules_to_save`: modules that were trained as they are, and stand in the file whole.
        bias: `bias`: whose biases were trained too.
        base: `base_model_name_or_path`.
    """

    kind: str
    alpha: float | None
    rank: int | None
    alphas: Patterns
    ranks: Patterns
    rslora: bool
    dora: bool
    altering: str
    targets: tuple[str, ...] | str | None
    whole: tuple[str, ...]
    bias: str
    base: str

    def alpha_of(self, module: str) -> float | None:
        """Of a module by its name inside its part."""
        found = self.alphas.of(module)
        return self.alpha if found is None else found

    def rank_of(self, module: str) -> int | None:
        """The same for the rank."""
        found = self.ranks.of(module)
        return self.rank if found is None else int(found)

    def multiplier(self, module: str, rank: int) -> float | None:
        """Of a module's update; None where no alpha is said.

        Args:
            module: Its name inside its part.
            rank: Of its tensors.
        """
        alpha = self.alpha_of(module)
        if alpha is None:
            return None
        return alpha / math.sqrt(rank) if self.rslora else alpha / rank

    def is_for(self, kind: str) -> bool:
        """Whether it can be the config of such an update, `LORA` or another of PEFT's types."""
        return self.kind in ("", kind)


def parse_config(fields: Mapping[str, Any], where: str, steps: StepsLeft) -> PeftConfig:
    """Understand one config.

    Args:
        fields: PEFT's, by their names.
        where: What the fields' names begin with in the file.
        steps: What matching its patterns may take.

    Raises:
        ValueError: A field that says how strong the adapter is cannot be understood.
    """
    names = names_of_fields()
    kind = _text(fields.get("peft_type")).upper()
    rank = _said_number(fields, names.rank, where)
    if rank is not None and rank != int(rank):
        raise ValueError(f"{where}r is no whole number")
    alpha_names = [*names.alpha, *(names.alpha_of_rank if rank is not None or kind else ())]
    return PeftConfig(
        kind=kind,
        alpha=_said_number(fields, alpha_names, where),
        rank=None if rank is None else int(rank),
        alphas=_patterns(fields, "alpha_pattern", where, steps),
        ranks=_patterns(fields, "rank_pattern", where, steps),
        rslora=_truth(fields, "use_rslora", where) and kind in ("", "LORA"),
        dora=_truth(fields, "use_dora", where),
        altering=_altering(fields, names),
        targets=_targets(fields.get("target_modules")),
        whole=_texts(fields.get("modules_to_save")),
        bias=_text(fields.get("bias")),
        base=_text(fields.get("base_model_name_or_path")),
    )


def _said_number(fields: Mapping[str, Any], names: list[str], where: str) -> float | None:
    name = next((name for name in names if fields.get(name) is not None), None)
    return None if name is None else _number(f"{where}{name}", fields[name])


def _number(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{where} is no finite number")
    return float(value)


def _patterns(fields: Mapping[str, Any], name: str, where: str, steps: StepsLeft) -> Patterns:
    values = fields.get(name) or {}
    if not isinstance(values, dict):
        raise ValueError(f"{where}{name} is no object")  # noqa: TRY004 - one kind of error for all that a text can be
    try:
        return Patterns({key: _number(f"the value of {key[:80]!r}", value) for key, value in values.items()}, steps)
    except ValueError as error:
        raise ValueError(f"{where}{name}: {error}") from error


def _truth(fields: Mapping[str, Any], name: str, where: str) -> bool:
    value = fields.get(name) or False
    if not isinstance(value, bool):
        raise ValueError(f"{where}{name} is no truth value")  # noqa: TRY004 - as above
    return value


def _altering(fields: Mapping[str, Any], names: SaidNames) -> str:
    init = _text(fields.get("init_lora_weights")).lower()
    if init.startswith(tuple(names.altering)):
        return init
    return next((name for name in names.altering_fields if fields.get(name)), "")


def _targets(value: object) -> tuple[str, ...] | str | None:
    return value if isinstance(value, str) else _texts(value) or None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list | tuple) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
