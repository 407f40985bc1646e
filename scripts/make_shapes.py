"""Writes the shapes that keymaps ships, from mflux's own classes, which are built lazily: no weight is ever computed.

Run it after a change of mflux or of `mini`'s sizes: `python -m scripts.make_shapes`.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from mflux.models.common.config import ModelConfig
from mflux.models.flux.model.flux_text_encoder.clip_encoder.clip_encoder import CLIPEncoder
from mflux.models.flux.model.flux_text_encoder.t5_encoder.t5_encoder import T5Encoder
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder
from mflux.models.flux2.model.flux2_transformer.transformer import Flux2Transformer
from mflux.models.flux3.model.flux3_transformer.flux3_transformer import Flux3Transformer
from mflux.models.krea2.model.krea2_transformer.transformer import Krea2Transformer
from mflux.models.qwen21.model.qwen21_transformer.qwen21_transformer import Qwen21Transformer
from mflux.models.z_image.model.z_image_transformer.transformer import ZImageTransformer
from mlx import nn

from scripts.mini.model.parts import encoder, transformer
from scripts.mini.sizes import EncoderSize, TransformerSize

FOLDER = Path(__file__).parent.parent / "keymaps" / "kilnmark" / "keymaps" / "names" / "model_shapes"


def main() -> None:
    """Write all the files."""
    write("dev", "Transformer(ModelConfig.dev())", Transformer(ModelConfig.dev()))
    write("schnell", "Transformer(ModelConfig.schnell())", Transformer(ModelConfig.schnell()))
    write("flux2-klein-4b", "Flux2Transformer of ModelConfig.flux2_klein_4b()", klein(ModelConfig.flux2_klein_4b()))
    write("flux2-klein-9b", "Flux2Transformer of ModelConfig.flux2_klein_9b()", klein(ModelConfig.flux2_klein_9b()))
    write("z-image-turbo", "ZImageTransformer()", ZImageTransformer())
    write("krea-2", "Krea2Transformer()", Krea2Transformer())
    for name, config in ("", ModelConfig.flux3_image_klein()), ("-base", ModelConfig.flux3_image_klein_base()):
        source = f"Flux3Transformer of {config.aliases[0]}"
        write(f"flux3-klein{name}", source, Flux3Transformer(**config.transformer_overrides))
    write("qwen-image-2.1", "Qwen21Transformer()", Qwen21Transformer())
    write("clip_l", "CLIPEncoder()", CLIPEncoder())
    write("t5_xxl", "T5Encoder()", T5Encoder())
    write("qwen3_4b", "Qwen3TextEncoder of ModelConfig.flux2_klein_4b()", qwen3(ModelConfig.flux2_klein_4b()))
    write("qwen3_8b", "Qwen3TextEncoder of ModelConfig.flux2_klein_9b()", qwen3(ModelConfig.flux2_klein_9b()))
    write("mini", "Flux2Transformer at the sizes of scripts/mini", transformer(TransformerSize()))
    write("qwen3_mini", "Qwen3TextEncoder at the sizes of scripts/mini", encoder(EncoderSize()))


def klein(config: ModelConfig) -> nn.Module:
    """As mflux's initializer builds it."""
    model: nn.Module = Flux2Transformer(**config.transformer_overrides)
    return model


def qwen3(config: ModelConfig) -> nn.Module:
    """As mflux's initializer builds it; its norms are of a class of its own, which no adapter changes."""
    model: nn.Module = Qwen3TextEncoder(**config.text_encoder_overrides)
    return model


def write(name: str, source: str, model: nn.Module) -> None:
    """Write one model's layers, equal ones of several blocks as one line."""
    layers = {path: shape for path, module in model.named_modules() if (shape := shape_of(module))}
    document = {"source": f"mflux {version('mflux')}: {source}", "layers": dict(folded(layers.items()))}
    lines = json.dumps(document, indent=1)
    (FOLDER / f"{name}.json").write_text(_joined(lines) + "\n")


def shape_of(module: nn.Module) -> tuple[int, ...] | None:
    """(out, in) of a linear layer, (width, 1) of a norm with scales of its own, None of what no adapter changes."""
    if isinstance(module, nn.Linear):
        return tuple(module.weight.shape)
    if isinstance(module, nn.RMSNorm):
        return (*module.weight.shape, 1)
    return None


def folded(layers: Iterable[tuple[str, tuple[int, ...]]]) -> list[tuple[str, list[int]]]:
    """Paths to patterns, with the number of blocks behind the shape; what does not count from 0 on stays a path."""
    numbers: dict[tuple[str, tuple[int, ...]], dict[str, str]] = defaultdict(dict)
    for path, shape in layers:
        pattern, number = _pattern(path)
        numbers[pattern, tuple(shape)][number] = path
    lines: list[tuple[str, list[int]]] = []
    for (pattern, shape), paths in numbers.items():
        if len(paths) > 1 and paths.keys() == {str(number) for number in range(len(paths))}:
            lines.append((pattern, [*shape, len(paths)]))
        else:
            lines += [(path, list(shape)) for path in paths.values()]
    return sorted(lines)


def _pattern(path: str) -> tuple[str, str]:
    parts = path.split(".")
    number = next((place for place, part in enumerate(parts) if part.isdigit()), None)
    if number is None:
        return path, ""
    return ".".join([*parts[:number], "{block}", *parts[number + 1 :]]), parts[number]


def _joined(lines: str) -> str:
    """Each shape on its pattern's own line."""
    return lines.replace("[\n   ", "[").replace(",\n   ", ", ").replace("\n  ]", "]")


if __name__ == "__main__":
    main()
