"""`mini`, the small FLUX.2-klein that comes with the program: its parts, at the sizes that stand beside its weights.

Headers alone would not do: they tell neither how its VAE's norms are grouped nor how the heads of its attention are
turned. A `config.json` beside each folder's weights has what mflux's classes are built with; it is held to the weights.
"""

from collections.abc import Callable, Mapping
from typing import Any

import mlx.core as mx
import msgspec
from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder
from mflux.models.flux2.model.flux2_transformer.transformer import Flux2Transformer
from mflux.models.flux2.model.flux2_vae.decoder.decoder import Flux2Decoder
from mflux.models.flux2.model.flux2_vae.encoder.encoder import Flux2Encoder
from mflux.models.flux2.model.flux2_vae.vae import Flux2VAE
from mlx import nn
from mlx.utils import tree_flatten

from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.saved import sees_pictures
from kilnmark.keymaps.files.weights import Weights

__all__ = ["build_told"]

CONFIG = "config.json"
_MEND = "give the directory as it was written"

_Told = Mapping[str, bool | int | float | tuple[int, ...]]
"""Arguments of a class of mflux, by name."""


def build_told(weights: Weights) -> dict[str, nn.Module]:
    """The parts of a directory by their folders, at the sizes that it tells, with weights of no meaning yet.

    Raises:
        BaseUnavailable: The sizes cannot be read, or are not those of the weights.
    """
    builders: dict[str, Callable[[_Told], nn.Module]] = {
        "vae": _vae,
        "transformer": lambda told: Flux2Transformer(**told),
        "text_encoder": lambda told: Qwen3TextEncoder(**told),
    }
    parts = {folder: _built(weights, folder, build) for folder, build in builders.items()}
    if not sees_pictures(weights):
        del parts["vae"].encoder, parts["vae"].quant_conv
    for folder, part in parts.items():
        _refuse_other_shapes(weights, folder, part)
    return parts


def _built(weights: Weights, folder: str, build: Callable[[_Told], nn.Module]) -> nn.Module:
    path = weights.path / folder / CONFIG
    try:
        return build(msgspec.json.decode(path.read_bytes(), type=dict[str, bool | int | float | tuple[int, ...]]))
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, TypeError, ValueError, ArithmeticError) as error:
        raise BaseUnavailable(f"{path} does not tell how large {folder} is: {error}; {_MEND}") from error


def _vae(told: _Told) -> Flux2VAE:
    vae = Flux2VAE()  # lazily at its usual width, of which nothing is computed
    vae.encoder, vae.decoder = Flux2Encoder(**told), Flux2Decoder(**told)
    return vae


def _refuse_other_shapes(weights: Weights, folder: str, part: nn.Module) -> None:
    """Refuse weights of another shape than a part has; whether all are there is seen when they are read."""
    built: dict[str, mx.array] = {}
    tree_flatten(part.parameters(), destination=built)
    for header in weights.headers[folder]:
        for name, info in header.tensors.items():
            if name in built and tuple(info.shape) != tuple(built[name].shape):
                problem = (
                    f"{name} is {_shown(info.shape)} where {CONFIG} beside it makes it {_shown(built[name].shape)}"
                )
                raise BaseUnavailable(f"{weights.path / folder}: {problem}; {_MEND}")


def _shown(shape: Any) -> str:
    return " x ".join(map(str, shape)) or "one number"
