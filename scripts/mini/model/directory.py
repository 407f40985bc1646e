"""The directory: weights in half precision as mflux saves them, each folder with the sizes it was built at."""

from pathlib import Path
from typing import Any

import mlx.core as mx
import msgspec
from mflux.models.common.tokenizer.tokenizer_loader import TokenizerLoader
from mflux.models.flux2.weights.flux2_weight_definition import Flux2KleinWeightDefinition
from mflux.utils.version_util import VersionUtil
from mlx import nn
from mlx.utils import tree_unflatten

from scripts.mini.model import parts
from scripts.mini.model.arrays import loaded, named
from scripts.mini.model.parts import Parts
from scripts.mini.model.tokens import write_tokenizer
from scripts.mini.sizes import EncoderSize, Sizes, TransformerSize, VaeSize

__all__ = ["load_tokenizer", "read_directory", "write_directory"]

WEIGHTS = "0.safetensors"
CONFIG = "config.json"
SIZES = {"transformer": TransformerSize, "text_encoder": EncoderSize, "vae": VaeSize}


def write_directory(folder: Path, made: Parts, sizes: Sizes) -> int:
    """Write it.

    Returns:
        Bytes of all files together.
    """
    modules = {"transformer": made.transformer, "text_encoder": made.encoder, "vae": made.vae}
    for name, module in modules.items():
        home = folder / name
        home.mkdir(parents=True, exist_ok=True)
        arrays = {path: value.astype(mx.float16) for path, value in named(module.parameters()).items() if _kept(path)}
        said = {"quantization_level": "None", "mflux_version": VersionUtil.get_mflux_version()}
        mx.save_safetensors(str(home / WEIGHTS), arrays, said)
        (home / CONFIG).write_bytes(msgspec.json.format(msgspec.json.encode(sizes.documents()[name])) + b"\n")
    write_tokenizer(folder / "tokenizer")
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def read_directory(folder: Path) -> tuple[Parts, Sizes]:
    """Its parts in float32, and their sizes.

    Raises:
        ValueError: Weights are not of the sizes that stand beside them; the folder and the tensors are named.
    """
    found: dict[str, Any] = {name: msgspec.convert(_document(folder / name), size) for name, size in SIZES.items()}
    sizes = Sizes(found["transformer"], found["text_encoder"], found["vae"])
    made = parts.build(sizes)
    for name, module in (("transformer", made.transformer), ("text_encoder", made.encoder), ("vae", made.vae)):
        _fill(module, folder / name / WEIGHTS)
    return made, sizes


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in a directory, by mflux's loader."""
    definitions = Flux2KleinWeightDefinition.get_tokenizers()
    return TokenizerLoader.load_all(definitions=definitions, model_path=str(folder))["qwen3"]


def _fill(module: nn.Module, path: Path) -> None:
    wide = {name: value.astype(mx.float32) for name, value in loaded(path)[0].items()}
    wanted = {name: value.shape for name, value in named(module.parameters()).items() if _kept(name)}
    if wrong := sorted(wanted.items() ^ {name: value.shape for name, value in wide.items()}.items()):
        names = ", ".join(sorted({name for name, _ in wrong})[:3])
        raise ValueError(f"{path}: not of the sizes in {CONFIG} beside it: {names}")
    module.update(tree_unflatten(list(wide.items())))
    mx.eval(module.parameters())


def _document(folder: Path) -> Any:
    return msgspec.json.decode((folder / CONFIG).read_bytes())


def _kept(path: str) -> bool:
    """Frequencies of a rotation are computed, not learnt."""
    return not path.endswith("inv_freq")
