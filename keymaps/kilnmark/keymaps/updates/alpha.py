"""The multiplier of an update: alpha / rank, or alpha / sqrt(rank) where rsLoRA was used, from wherever alpha stands.

PEFT's config rides in the metadata under `lora_adapter_metadata`, as diffusers writes it (`save_lora_weights`,
`_pack_dict_with_prefix`): flat JSON whose names begin with the component (`transformer.lora_alpha`) or with nothing.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.metadata import PEFT_METADATA
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.schema import AlphaSource, Role
from kilnmark.keymaps.names.sorting import Module

__all__ = ["Multipliers", "PeftConfig"]

_MEND = "save the adapter again with its trainer, or remove this entry of the metadata to apply it at alpha = rank"


@dataclass(frozen=True, slots=True)
class PeftConfig:
    """What PEFT's config says about scaling.

    Attributes:
        alpha: `lora_alpha`.
        patterns: `alpha_pattern`: the end of a module's name, or all of it after `^`, to place in the list and value.
        rslora: `use_rslora`: divide by the root of the rank (Kalajdzievski, 2023, arXiv 2312.03732).
    """

    alpha: float
    patterns: Mapping[str, tuple[int, float]]
    rslora: bool

    def multiplier(self, module: str, rank: int) -> float:
        """Of a module's update; the first pattern that fits its name decides alpha, as in PEFT."""
        words = module.split(".")
        ends = [".".join(words[place:]) for place in range(len(words))]
        fitting = [self.patterns[end] for end in (f"^{module}", *ends) if end in self.patterns]
        alpha = min(fitting)[1] if fitting else self.alpha
        return alpha / math.sqrt(rank) if self.rslora else alpha / rank


class Multipliers:
    """The multipliers of one file's modules."""

    def __init__(self, file: AdapterFile) -> None:
        self._file = file

    def of(self, module: Module, rank: int) -> float:
        """From the first source of the module's convention that has a value.

        Raises:
            UnfitAdapter: Alpha is no finite number, or the metadata that should hold it cannot be understood.
        """
        for source in module.convention.alpha:
            if source is AlphaSource.TENSOR and Role.ALPHA in module.keys:
                return 1.0 if self.is_zero_for_rank(module) else self._tensor(module.keys[Role.ALPHA]) / rank
            if source is AlphaSource.METADATA and (config := self._config(module.component)):
                return config.multiplier(module.inner, rank)
        return 1.0

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

    def _tensor(self, key: str) -> float:
        alpha = self._file.scalar(key)
        if not math.isfinite(alpha):
            raise UnfitAdapter(self._file.path, f"alpha is {alpha}", "train or export the adapter again", key=key)
        return alpha

    def _config(self, component: str) -> PeftConfig | None:
        return self._configs.get(component) or self._configs.get("")

    @cached_property
    def _configs(self) -> Mapping[str, PeftConfig]:
        """By component; empty when the metadata has none."""
        text = self._file.metadata.get(PEFT_METADATA)
        if text is None:
            return {}
        try:
            return _parse(text)
        except (ValueError, OverflowError, RecursionError) as error:
            problem = f"metadata {PEFT_METADATA!r} cannot be understood ({error})"
            raise UnfitAdapter(self._file.path, problem, _MEND) from error


def _parse(text: str) -> dict[str, PeftConfig]:
    flat = json.loads(text)
    if not isinstance(flat, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one kind of error for all that a text can be
    grouped: dict[str, dict[str, Any]] = {}
    for name, value in flat.items():
        component, _, field = name.rpartition(".")
        grouped.setdefault(component, {})[field] = value
    return {component: _config(component, fields) for component, fields in grouped.items()}


def _config(component: str, fields: Mapping[str, Any]) -> PeftConfig:
    where = f"{component}." if component else ""
    if "lora_alpha" not in fields:
        raise ValueError(f"{where}lora_alpha is missing")
    rslora = fields.get("use_rslora") or False
    if not isinstance(rslora, bool):
        raise ValueError(f"{where}use_rslora is no truth value")  # noqa: TRY004 - as above
    patterns = fields.get("alpha_pattern") or {}
    if not isinstance(patterns, dict):
        raise ValueError(f"{where}alpha_pattern is no object")  # noqa: TRY004 - as above
    named = {
        _pattern(pattern): (place, _number(f"{where}alpha_pattern", value))
        for place, (pattern, value) in enumerate(patterns.items())
    }
    return PeftConfig(_number(f"{where}lora_alpha", fields["lora_alpha"]), named, rslora)


def _pattern(text: str) -> str:
    """PEFT takes any regular expression; a hostile one never ends, so only plain names are taken."""
    plain = text.replace("\\.", ".")
    if not plain.removeprefix("^").replace(".", "").replace("-", "").replace("_", "").isalnum():
        raise ValueError(f"alpha_pattern {text[:80]!r} is a regular expression, only module names are taken")
    return plain


def _number(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{where} is no finite number")
    return float(value)
