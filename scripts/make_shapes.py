"""Writes the shapes that keymaps ships, from mflux's own classes, which are built lazily: no weight is ever computed.

Run it after a change of mflux: `python scripts/make_shapes.py`.
"""

import json
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from mflux.models.common.config import ModelConfig
from mflux.models.flux.model.flux_text_encoder.clip_encoder.clip_encoder import CLIPEncoder
from mflux.models.flux.model.flux_text_encoder.t5_encoder.t5_encoder import T5Encoder
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mlx import nn

FOLDER = Path(__file__).parent.parent / "keymaps" / "kilnmark" / "keymaps" / "shapes"


def main() -> None:
    """Write all four files."""
    write("dev", "Transformer(ModelConfig.dev())", Transformer(ModelConfig.dev()))
    write("schnell", "Transformer(ModelConfig.schnell())", Transformer(ModelConfig.schnell()))
    write("clip_l", "CLIPEncoder()", CLIPEncoder())
    write("t5_xxl", "T5Encoder()", T5Encoder())


def write(name: str, source: str, model: nn.Module) -> None:
    """Write one model's linear layers, equal ones of several blocks as one line."""
    layers = {path: module.weight.shape for path, module in model.named_modules() if isinstance(module, nn.Linear)}
    document = {"source": f"mflux {version('mflux')}: {source}", "layers": dict(folded(layers.items()))}
    lines = json.dumps(document, indent=1)
    (FOLDER / f"{name}.json").write_text(_joined(lines) + "\n")


def folded(layers: Iterable[tuple[str, tuple[int, ...]]]) -> list[tuple[str, list[int]]]:
    """Paths to patterns, with the number of blocks behind the shape; top-level layers have none."""
    counts = Counter((_pattern(path), tuple(shape)) for path, shape in layers)
    patterns = sorted(counts)
    return [(path, [*shape, counts[path, shape]] if "{block}" in path else list(shape)) for path, shape in patterns]


def _pattern(path: str) -> str:
    parts = path.split(".")
    number = next((place for place, part in enumerate(parts) if part.isdigit()), None)
    if number is not None:
        parts[number] = "{block}"
    return ".".join(parts)


def _joined(lines: str) -> str:
    """Each shape on its pattern's own line."""
    return lines.replace("[\n   ", "[").replace(",\n   ", ", ").replace("\n  ]", "]")


if __name__ == "__main__":
    main()
