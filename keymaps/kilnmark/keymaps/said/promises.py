"""What is said of an adapter that its tensors must bear out: the base that it belongs to, and the parts it has.

Whether a promise is kept is found out here; what comes of one that is not is the judge's to say.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from kilnmark.keymaps.errors import UnfitAdapter, shorten
from kilnmark.keymaps.files.beside import CONFIG
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.copies import Module
from kilnmark.keymaps.names.schema import AlphaSource, Role
from kilnmark.keymaps.said.peft import PeftConfig, names_of_fields, says_all_in_tensors
from kilnmark.keymaps.said.sources import Sayings, StrengthSource

__all__ = ["Applied", "check_base", "lost_parts", "notes_on_strength"]

_CONVERT = (
    "convert it where it was trained: PEFT's save_pretrained with path_initial_model_for_weight_conversion writes what "
    "training changed as a plain LoRA"
)


def check_base(path: str, said: Sayings, modules: Sequence[Module]) -> None:
    """Raise where an adapter belongs to a base whose weights its trainer altered first.

    Raises:
        UnfitAdapter: What is in the file is not the whole change.
    """
    for source, config in _of_modules(said, modules):
        if config.altering:
            problem = (
                f"{source.where} says that it was initialised by {config.altering}, which takes a part out of the "
                "base's own weights: the base it belongs to was altered, and what is in the file is not all of it"
            )
            raise UnfitAdapter(path, problem, _CONVERT)


class Applied(NamedTuple):
    """A module that is applied: whether magnitudes go with its kind of update, and whether alpha counts for it."""

    module: Module
    stretches: bool
    ranked: bool


def lost_parts(file: AdapterFile, said: Sayings, applied: Sequence[Applied]) -> str:
    """What the file is said to hold and does not, or most of it has, as a sentence without full stop; else empty.

    Args:
        file: With all its tensors.
        said: Of it.
        applied: The modules that are applied.
    """
    bare = [each.module for each in applied if each.stretches and Role.MAGNITUDE not in each.module.keys]
    for source, config in _of_modules(said, bare):
        if config.dora:
            count = sum(config in [own for _, own in said.of(module.component)] for module in bare)
            return _lost_magnitudes(f"{source.where} says use_dora", count)
    if bare and _is_decomposed(file):
        return _lost_magnitudes("the metadata's ss_network_args say dora_wd", len(bare))
    for source, config in _of_modules(said, [each.module for each in applied]):
        if lost := [name for name in config.whole if not _has_whole(file, name)]:
            return f"{source.where} says that {', '.join(lost)} was trained whole, and nothing of it is in the file"
    return "" if says_all_in_tensors(file.metadata) else _lost_beside_others(said, applied)


def _lost_beside_others(said: Sayings, applied: Sequence[Applied]) -> str:
    """Trainers give magnitudes and alpha to every module of a part of the model, or to none."""
    groups: dict[tuple[str, str], list[Applied]] = {}
    for each in applied:
        groups.setdefault((each.module.convention.name, each.module.component), []).append(each)
    for group in groups.values():
        stretched = [each.module for each in group if each.stretches]
        if lost := _without(stretched, Role.MAGNITUDE):
            return _lost_magnitudes("others of the file are stretched", len(lost), lost[0])
        ranked = [each.module for each in group if each.ranked and _is_unsaid(said, each.module)]
        if lost := _without(ranked, Role.ALPHA):
            modules = "1 module has" if len(lost) == 1 else f"{len(lost)} modules have"
            return (
                f"{modules} no alpha, beside others that have it, first {_name(lost[0])}: how strong they are is lost"
            )
    return ""


def _is_unsaid(said: Sayings, module: Module) -> bool:
    """Nobody but an alpha tensor could say how strong it is."""
    sources = module.convention.alpha
    elsewhere = AlphaSource.METADATA in sources and any(c.alpha is not None for _, c in said.of(module.component))
    return AlphaSource.TENSOR in sources and not elsewhere


def _without(modules: Sequence[Module], role: Role) -> list[Module]:
    """Those that have no such tensor, where another has."""
    lacking = [module for module in modules if role not in module.keys]
    return lacking if len(lacking) < len(modules) else []


def _name(module: Module) -> str:
    return shorten(next(iter(module.keys.values())))


def notes_on_strength(file: AdapterFile, said: Sayings, modules: Sequence[Module]) -> Iterator[str]:
    """What is unclear about strength, or said of what is not there; sentences without full stop."""
    names = names_of_fields()
    pairs = [module for module in modules if {Role.UP, Role.DOWN} <= module.keys.keys()]
    alpha, dim = (file.metadata.get(name, "")[:20] for name in names.kohya)
    is_bare = bool(pairs) and not said.sources and not any(Role.ALPHA in module.keys for module in pairs)
    if is_bare and alpha and dim and _number(alpha) != _number(dim):
        said_by = f"{names.kohya[0]} is {alpha} for a rank of {dim}, and no alpha is stored"
        yield f"{said_by}: it counts as multiplied into the matrices, as converters do"
    if is_bare and file.config is None and all(module.keys[Role.UP].startswith(names.wrapped) for module in pairs):
        yield f"PEFT says alpha in {CONFIG}, which is not beside the file: it is taken for the rank"
    unread = [module for module in pairs if AlphaSource.METADATA not in module.convention.alpha]
    for source, config in _of_modules(said, [module for module in unread if Role.ALPHA not in module.keys]):
        if config.alpha is not None and config.alpha != config.rank:
            name = unread[0].convention.name
            yield f"{source.where} says alpha, where no file of {name} names has it: it is taken for the rank"
    yield from _said_of_others(said, [module for module in pairs if Role.ALPHA not in module.keys])
    yield from _stored_in_others([module for module in pairs if _is_unsaid(said, module)])
    for source, config in _of_modules(said, modules):
        yield from _notes_on_patterns(source, config, modules)
        if config.bias not in ("", "none") and not any(key.endswith(".bias") for key in file.tensors):
            yield f"{source.where} says that biases were trained ({config.bias[:20]}), and none is in the file"


def _notes_on_patterns(source: StrengthSource, config: PeftConfig, modules: Sequence[Module]) -> Iterator[str]:
    try:
        fitting = [module for module in modules if config.alphas.of(module.inner) is not None]
        count = sum(config.alphas.is_by_expression(module.inner) for module in fitting)
    except ValueError as error:
        yield f"alpha_pattern of {source.where} {error}"
        return
    if config.alphas and not fitting:
        yield f"alpha_pattern of {source.where} fits no layer of the file"
    elif count:
        yield f"alpha_pattern of {source.where} fits {count} modules by a regular expression"


def _said_of_others(said: Sayings, pairs: Sequence[Module]) -> Iterator[str]:
    """Alpha is said for parts of a model alone that these modules are not in."""
    left = [
        module
        for module in pairs
        if AlphaSource.METADATA in module.convention.alpha and not any(said.of(module.component))
    ]
    for source in said.sources if left else ():
        parts = [component for component, config in source.configs.items() if config.alpha is not None]
        if parts:
            others = ", ".join(dict.fromkeys(shorten(module.component) for module in left))
            modules = "1 module is" if len(left) == 1 else f"{len(left)} modules are"
            of = ", ".join(map(shorten, parts[:3]))
            yield f"{source.where} says alpha for {of} alone, and {modules} in {others}: there it is taken for the rank"


def _stored_in_others(pairs: Sequence[Module]) -> Iterator[str]:
    """Trainers store alpha in every part of a model, or in none; two files may have been joined."""
    bare = [module for module in pairs if Role.ALPHA not in module.keys]
    parts = {(module.convention.name, module.component) for module in bare}
    whole = {module.convention.name for module in pairs if (module.convention.name, module.component) not in parts}
    if left := [module for module in bare if module.convention.name in whole]:
        modules = "1 module has" if len(left) == 1 else f"{len(left)} modules have"
        yield (
            f"{modules} no alpha, first {_name(left[0])}, where every module of another part of the model has it: "
            "it is taken for the rank"
        )


def _of_modules(said: Sayings, modules: Sequence[Module]) -> Iterator[tuple[StrengthSource, PeftConfig]]:
    """What is said of the components that these modules belong to."""
    for component in dict.fromkeys(module.component for module in modules):
        yield from said.of(component)


def _lost_magnitudes(says: str, count: int, first: Module | None = None) -> str:
    modules = "1 module has" if count == 1 else f"{count} modules have"
    where = f", first {_name(first)}" if first else ""
    return f"{says}, but {modules} no magnitudes{where}: they were lost, and half of the update with them"


def _is_decomposed(file: AdapterFile) -> bool:
    """LyCORIS was told so; other trainers overlook the word."""
    if not file.metadata.get("ss_network_module", "").startswith("lycoris"):
        return False
    try:
        told: Any = msgspec.json.decode(file.metadata.get("ss_network_args", ""))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return isinstance(told, dict) and str(told.get("dora_wd", "")).lower() in ("true", "1", "yes")


def _has_whole(file: AdapterFile, name: str) -> bool:
    modules = (key.rpartition(".")[0] for key in file.tensors if "lora_" not in key)
    return any(module == name or module.endswith((f".{name}", f".{name}.modules_to_save")) for module in modules)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
