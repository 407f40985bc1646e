"""mflux's object of a model, put together from its parts, whoever has built and filled these."""

from collections.abc import Mapping
from typing import Any, TypeVar

from mflux.callbacks.callback_registry import CallbackRegistry
from mflux.models.common.compute_precision import ComputePrecision
from mflux.models.common.config.model_config import ModelConfig
from mlx import nn

__all__ = ["assembled"]

_Made = TypeVar("_Made", bound=nn.Module)


def assembled(made_of: type[_Made], config: ModelConfig, tokenizers: Mapping[str, Any], **parts: nn.Module) -> _Made:
    """An object as mflux's own initializers leave one, around these parts; its `bits` are those of no layer.

    Args:
        made_of: mflux's class.
        config: mflux's, for the schedule.
        tokenizers: By mflux's names.
        parts: As they are to compute, by mflux's names.
    """
    made = made_of.__new__(made_of)
    nn.Module.__init__(made)
    made.prompt_cache = {}
    made.model_config = config
    made.callbacks = CallbackRegistry()
    made.tiling_config = None
    made.compute_precision = ComputePrecision()
    made.bits = None
    made.lora_paths, made.lora_scales = [], []
    made.tokenizers = dict(tokenizers)
    for name, part in parts.items():
        made[name] = part
    return made
