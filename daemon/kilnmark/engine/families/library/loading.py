"""How a model of mflux's classes is loaded: fetched by mflux under its name, read from a directory, or made up.

mflux builds every directory at the widths of a published model; here they are told from the weights, so that smaller
ones are read too, and whatever it would fill in with random values is refused. Which classes, and how wide, is the
families' part.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.tokenizer import TokenizerLoader
from mflux.models.common.weights.loading.weight_applier import WeightApplier
from mflux.models.common.weights.loading.weight_loader import WeightLoader
from mlx import nn

from kilnmark.engine.compute import precision
from kilnmark.engine.families.family import BaseUnavailable, Origin
from kilnmark.engine.families.saved import refuse_random_weights, saved_by_mflux
from kilnmark.keymaps.files.weights import Weights
from kilnmark.protocol.picture.family import Variant

__all__ = ["Kit", "loaded"]

Configs = Mapping[str, Callable[[], ModelConfig]]


@dataclass(frozen=True, slots=True)
class Kit:
    """What mflux has for one family.

    Attributes:
        configs: mflux's, by the names of variants.
        fetch: mflux's own object of a config, quantized to so many bits or None, from where it is published.
        parts: The modules of a directory as wide and deep as its weights, still without them, by their folders.
        definition: mflux's `WeightDefinition` of such directories.
        assemble: mflux's object around a config, those parts by name, and `tokenizers` by mflux's names.
        standin: mflux's object of a config with values that are made up.
        recipe: What the values of a standin are known by.
        unmapped: Folders whose tensors mflux takes by their names, whoever wrote them, and never misses one.
        fill: Reads a directory into its parts, quantized to so many bits or None, and tells the bits that they have
            then; what it raises is mflux's. None: as all of mflux's models are read.
    """

    configs: Configs
    fetch: Callable[[ModelConfig, int | None], Any]
    parts: Callable[[Weights], Mapping[str, nn.Module]]
    definition: Any
    assemble: Callable[..., Any]
    standin: Callable[[ModelConfig], Any]
    recipe: Callable[[Variant], str]
    unmapped: tuple[str, ...] = ()
    fill: Callable[[Weights, Mapping[str, nn.Module], int | None], int | None] | None = None


def loaded(kit: Kit, origin: Origin, quantize: int | None) -> tuple[Any, str]:
    """Mflux's object, and the hash that its weights are known by, in hex; arguments are those of `family.Load`.

    Raises:
        BaseUnavailable: It cannot be loaded.
    """
    ModelConfig.precision = precision()  # mflux computes in bf16 unless told otherwise
    made, named = _loaded(kit, origin, quantize)
    return made, hashlib.sha256(named.encode()).hexdigest()


def _loaded(kit: Kit, origin: Origin, quantize: int | None) -> tuple[Any, str]:
    """As `loaded`, with what is hashed."""
    config = kit.configs[origin.variant.name]()
    if origin.variant.made_up:
        return kit.standin(config), kit.recipe(origin.variant)
    if origin.weights is None:
        return _fetched(kit, config, quantize), f"{config.model_name}:{quantize}"
    made = _read(kit, origin.weights, config, quantize)
    return made, f"{origin.weights.fingerprint}:{made.bits}"


def _fetched(kit: Kit, config: ModelConfig, quantize: int | None) -> Any:
    try:
        return kit.fetch(config, quantize)
    except Exception as error:  # mflux raises whatever its downloader and readers raise
        mend = (
            "check the network and your access (`kilnmark models pull` says which), or give a directory that holds it"
        )
        raise BaseUnavailable(f"mflux could not load {config.model_name}: {error}; {mend}") from error


def _read(kit: Kit, weights: Weights, config: ModelConfig, quantize: int | None) -> Any:
    parts = dict(kit.parts(weights))
    try:
        bits = kit.fill(weights, parts, quantize) if kit.fill else _filled(kit, weights, parts, quantize)
        tokenizers = TokenizerLoader.load_all(kit.definition.get_tokenizers(), str(weights.path))
    except Exception as error:  # mflux raises whatever its readers raise
        raise BaseUnavailable(f"mflux could not load {weights.path}: {error}") from error
    unmapped = parts if saved_by_mflux(weights) else {folder: parts[folder] for folder in kit.unmapped}
    refuse_random_weights(weights, unmapped)
    made = kit.assemble(config, **parts, tokenizers=tokenizers)
    made.bits = bits
    return made


def _filled(kit: Kit, weights: Weights, parts: Mapping[str, nn.Module], quantize: int | None) -> int | None:
    """As `Kit.fill` says."""
    read = WeightLoader.load(weight_definition=kit.definition, model_path=str(weights.path))
    bits: int | None = WeightApplier.apply_and_quantize(read, parts, quantize, kit.definition)
    return bits
