"""The config beside a file, understood, if it is the file's own.

A folder may hold many files and one config, so that a config must be able to be the file's: it names layers that are
there, and where the file has not PEFT's own name, the rank of every pair too.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from kilnmark.keymaps.files.beside import CONFIG, is_of_peft
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.copies import Module
from kilnmark.keymaps.names.schema import AlphaSource, Role, is_transposed
from kilnmark.keymaps.said.expressions import Expression, StepsLeft
from kilnmark.keymaps.said.peft import PeftConfig, parse_config, says_all_in_tensors

__all__ = ["BESIDE", "config_of"]

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
        problem = _of_others(config, file, told, steps)
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


def _of_others(config: PeftConfig, file: AdapterFile, modules: Sequence[Module], steps: StepsLeft) -> str:
    """Why it is that of another file; empty where it can be this one's."""
    if config.targets is not None and not any(_is_target(config.targets, module.inner, steps) for module in modules):
        return "names none of the file's layers"
    if is_of_peft(file.path):
        return ""
    for module, rank in _ranks(file, modules):
        if config.rank_of(module.inner) != rank:
            return (
                f"says rank {config.rank_of(module.inner)} where the tensors have {rank}, so that it is another file's"
            )
    return ""


def _is_target(targets: tuple[str, ...] | str, module: str, steps: StepsLeft) -> bool:
    """As PEFT has it: an end of the name, or one expression for all of it."""
    if not isinstance(targets, str):
        return any(module == target or module.endswith(f".{target}") for target in targets)
    if targets == "all-linear":
        return True
    try:
        return Expression(targets, steps).matches(module)
    except ValueError:
        return True


def _ranks(file: AdapterFile, modules: Sequence[Module]) -> Iterator[tuple[Module, int]]:
    for module in modules:
        key = module.keys.get(Role.DOWN)
        if key is not None and (shape := file.tensors[key].shape):
            yield module, shape[-1] if is_transposed(key) else shape[0]
