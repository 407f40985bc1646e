"""The config beside a file, understood, if it is the file's own.

A folder may hold many files and one config. That of a file with PEFT's own name is its own if it names one of its
layers; under another name it must name all of them and no others, and the rank of every pair.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from kilnmark.keymaps.errors import shorten
from kilnmark.keymaps.files.beside import CONFIG, is_of_peft
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.copies import Module
from kilnmark.keymaps.names.schema import AlphaSource, Role, is_transposed
from kilnmark.keymaps.said.expressions import Expression, StepsLeft
from kilnmark.keymaps.said.peft import PeftConfig, parse_config, says_all_in_tensors

__all__ = ["BESIDE", "config_of", "unnamed"]

BESIDE: Final = f"{CONFIG} beside the file"


def config_of(file: AdapterFile, modules: Sequence[Module], steps: StepsLeft) -> tuple[PeftConfig | None, str]:
    """The config of a file, and why the one beside it is not: a sentence's end, empty where it is.

    Args:
        file: With the bytes of the config beside it.
        modules: Those that are applied.
        steps: What matching its patterns may take.

    Raises:
        ValueError: It must be the file's, and cannot be understood.
    """
    told = [module for module in modules if AlphaSource.METADATA in module.convention.alpha]
    if file.config is None or not told:
        return None, ""
    if says_all_in_tensors(file.metadata):
        return None, "is not that of a remapped file, which says everything itself"
    try:
        config = _parsed(file.config.data, steps)
        problem = _of_others(config, file, told)
    except (ValueError, OverflowError, RecursionError) as error:
        if is_of_peft(file.path):
            raise ValueError(str(error)) from error
        return None, f"cannot be understood ({error})"
    return (None, problem) if problem else (config, "")


def _parsed(data: bytes, steps: StepsLeft) -> PeftConfig:
    fields = json.loads(data)
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one kind of error for all that bytes can be
    config = parse_config(fields, "", steps)
    if config.alpha is None and config.is_for("LORA"):
        raise ValueError("lora_alpha is missing")
    return config


def unnamed(config: PeftConfig, modules: Sequence[Module]) -> list[Module]:
    """Those that a config does not name among its targets; none where it has no targets."""
    named = _named(config.targets, [_path(module) for module in modules]) if config.targets else [True] * len(modules)
    return [module for module, is_named in zip(modules, named, strict=True) if not is_named]


def _of_others(config: PeftConfig, file: AdapterFile, modules: Sequence[Module]) -> str:
    """Why it is that of another file; empty where it is this one's."""
    targets = config.targets
    named = _named(targets, [_path(module) for module in modules])
    if targets is not None and not any(named):
        return "names none of the file's layers"
    if is_of_peft(file.path):
        return ""
    if targets is None or not all(named):
        return f"does not name {modules[named.index(False)].inner}, so that it is another file's"
    there = {end for module in modules for end in _ends(_path(module))}
    lacking = None if isinstance(targets, str) else next((each for each in targets if each not in there), None)
    if lacking is not None:
        return f"names {shorten(lacking)}, which is not in the file, so that it is another file's"
    for module, rank in _ranks(file, modules):
        if (said := config.rank_of(module.inner)) != rank:
            return f"says rank {said} where the tensors have {rank}, so that it is another file's"
    return ""


def _path(module: Module) -> str:
    """With the part of the model before its name: a trainer that wraps a whole model has it in all names."""
    return f"{module.component}.{module.inner}"


def _named(targets: tuple[str, ...] | str | None, modules: Sequence[str]) -> list[bool]:
    """Which modules are targets, as PEFT has it: by an end of the path, or by one expression for all of it, with the
    part of the model or without.

    An expression that cannot be matched names all of them: it accuses no config, and strengths do not rest on it.
    """
    if targets is None:
        return [False] * len(modules)
    if not isinstance(targets, str):
        # There may be as many targets as a config has room for.
        known = frozenset(targets)
        return [not known.isdisjoint(_ends(name)) for name in modules]
    try:
        expression = Expression(targets, StepsLeft())
        every = targets == "all-linear"
        return [every or any(expression.matches(each) for each in (name, name.partition(".")[2])) for name in modules]
    except ValueError:
        return [True] * len(modules)


def _ends(name: str) -> Iterator[str]:
    """A name, and what is left of it behind each dot."""
    yield name
    while "." in name:
        name = name.partition(".")[2]
        yield name


def _ranks(file: AdapterFile, modules: Sequence[Module]) -> Iterator[tuple[Module, int]]:
    for module in modules:
        key = module.keys.get(Role.DOWN)
        if key is not None and (shape := file.tensors[key].shape):
            yield module, shape[-1] if is_transposed(key) else shape[0]
