"""Where a file's strength is said besides its tensors: PEFT's config in the metadata, its fields as entries of the
metadata, and a config beside the file. The first that says something holds; what is said is understood in `peft`.

    lora_adapter_metadata   diffusers' `save_lora_weights` (`_pack_dict_with_prefix`), SimpleTuner: flat JSON whose
                            names begin with the component (`transformer.lora_alpha`) or with nothing
    plain entries           `transformer.lora_alpha: 64` and `transformer.r: 16`, or without the component
    adapter_config.json     PEFT's `save_pretrained`
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from kilnmark.keymaps.errors import UnfitAdapter, shorten
from kilnmark.keymaps.files.beside import is_of_peft
from kilnmark.keymaps.files.metadata import PEFT_METADATA
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.copies import Module
from kilnmark.keymaps.said.beside import BESIDE, config_of, unnamed
from kilnmark.keymaps.said.expressions import StepsLeft
from kilnmark.keymaps.said.peft import PeftConfig, names_of_fields, parse_config

__all__ = ["Sayings", "Strength", "StrengthSource", "plain_entries", "said_of"]

_FLAGS = (
    "use_rslora",
    "use_dora",
    "init_lora_weights",
    "peft_type",
    "alpha_pattern",
    "rank_pattern",
    "modules_to_save",
)
"""Fields that count as plain entries, besides alpha and rank."""
_CONFIG_MEND = "save the adapter again with its trainer, or take the config away to apply it at alpha = rank"
_MEND = "save the adapter again with its trainer, or remove this entry of the metadata to apply it at alpha = rank"


class Strength(StrEnum):
    """Who says how strong a module's update is, as reports call it; `default` is alpha = rank, and nobody's word."""

    TENSOR = "tensor"
    METADATA = "metadata"
    CONFIG = "config"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, eq=False)
class StrengthSource:
    """One place where strength is said.

    Attributes:
        strength: What reports call it.
        where: What sentences call it.
        configs: By component; an empty one is for every component that has none of its own.
    """

    strength: Strength
    where: str
    configs: Mapping[str, PeftConfig]

    def of(self, component: str) -> PeftConfig | None:
        """What it says of one component."""
        return self.configs.get(component) or self.configs.get("")


@dataclass(frozen=True, slots=True, eq=False)
class Sayings:
    """All that is said of one file, the first to be believed first.

    Attributes:
        sources: As far as they can be understood.
        problem: Why one of them cannot be; None where all can.
        notes: What stands there and is not taken; sentences without full stop.
    """

    sources: tuple[StrengthSource, ...]
    problem: UnfitAdapter | None = None
    notes: tuple[str, ...] = ()

    def of(self, component: str) -> Iterator[tuple[StrengthSource, PeftConfig]]:
        """What each source says of one component."""
        for source in self.sources:
            if config := source.of(component):
                yield source, config

    def check(self) -> None:
        """Raise where a source cannot be understood.

        Raises:
            UnfitAdapter: With what is wrong with it.
        """
        if self.problem:
            raise self.problem


def said_of(file: AdapterFile, modules: Sequence[Module]) -> Sayings:
    """Gather what is said.

    Args:
        file: Of which.
        modules: Those of it that are applied; a config beside the file must be able to be theirs.
    """
    steps = StepsLeft()
    problem, packed = None, dict[str, PeftConfig]()
    try:
        packed = _packed(file, steps)
    except UnfitAdapter as error:
        problem = error
    plain, unread = _plain(file.metadata, steps)
    found = [
        StrengthSource(Strength.METADATA, f"metadata {PEFT_METADATA!r}", packed),
        StrengthSource(Strength.METADATA, "an entry of the metadata", plain),
    ]
    config, why_not = None, ""
    try:
        config, why_not = config_of(file, modules, steps)
    except ValueError as error:
        problem = problem or UnfitAdapter(file.path, f"{BESIDE} cannot be understood ({error})", _CONFIG_MEND)
    found.append(StrengthSource(Strength.CONFIG, BESIDE, {"": config} if config else {}))
    return Sayings(
        tuple(source for source in found if source.configs), problem, (*unread, *_notes(file, config, why_not, modules))
    )


def _notes(file: AdapterFile, config: PeftConfig | None, why_not: str, modules: Sequence[Module]) -> Iterator[str]:
    if why_not:
        yield f"{BESIDE} {why_not}, and is not used"
    elif config and not is_of_peft(file.path):
        yield f"{BESIDE} is taken for its own: it names the file's layers, all of them, and their ranks"
    elif config and (others := unnamed(config, modules)):
        yield f"{BESIDE} does not name {len(others)} of the {len(modules)} modules, and is taken for them too"


def _packed(file: AdapterFile, steps: StepsLeft) -> dict[str, PeftConfig]:
    text = file.metadata.get(PEFT_METADATA)
    if text is None:
        return {}
    try:
        if size := file.long.get(PEFT_METADATA):
            raise ValueError(f"it has {size} bytes, more than are kept")  # noqa: TRY301 - as below
        flat = json.loads(text)
        if not isinstance(flat, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004, TRY301 - one kind of error for all a text can be
        return {component: _checked(component, fields, steps) for component, fields in _grouped(flat.items()).items()}
    except (ValueError, OverflowError, RecursionError) as error:
        problem = f"metadata {PEFT_METADATA!r} cannot be understood ({error})"
        raise UnfitAdapter(file.path, problem, _MEND) from error


def _checked(component: str, fields: Mapping[str, Any], steps: StepsLeft) -> PeftConfig:
    where = f"{component}." if component else ""
    config = parse_config(fields, where, steps)
    if config.alpha is None and config.is_for("LORA"):
        raise ValueError(f"{where}lora_alpha is missing")
    return config


def _plain(metadata: Mapping[str, str], steps: StepsLeft) -> tuple[dict[str, PeftConfig], list[str]]:
    """Anybody may write such entries: what cannot be understood says nothing, and is told where it names alpha."""
    found, unread = {}, []
    for component, fields in _grouped(plain_entries(metadata)).items():
        try:
            config = parse_config(fields, "", steps)
        except (ValueError, OverflowError) as error:
            if name := next((name for name in names_of_fields().alpha if name in fields), ""):
                entry = shorten(f"{component}.{name}" if component else name)
                unread.append(f"the entry {entry} of the metadata cannot be understood ({error}), and is not used")
            continue
        if config.alpha is not None or config.altering or config.dora:
            found[component] = config
    return found, unread[:1]


def plain_entries(metadata: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Entries of a header that are fields of PEFT's config, each decoded."""
    names = names_of_fields()
    known = {*names.alpha, *names.alpha_of_rank, *names.rank, *_FLAGS}
    for name, text in metadata.items():
        if name.rpartition(".")[2] in known:
            yield name, _decoded(text)


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode({"True": "true", "False": "false", "None": "null"}.get(text, text))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return text


def _grouped(fields: Any) -> dict[str, dict[str, Any]]:
    """By the component that the fields' names begin with."""
    grouped: dict[str, dict[str, Any]] = {}
    for name, value in fields:
        component, _, field = name.rpartition(".")
        grouped.setdefault(component, {})[field] = value
    return grouped
