"""Names of layers that mflux reads, in all its spellings: each is read here, as of the layer that mflux changes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mflux.models.flux2.weights.flux2_lora_mapping import Flux2LoRAMapping
from mflux.models.flux3.weights.flux3_lora_mapping import Flux3LoRAMapping
from mflux.models.krea2.weights.krea2_lora_mapping import Krea2LoRAMapping
from mflux.models.z_image.weights.z_image_lora_mapping import ZImageLoRAMapping

from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.names.sorting import sort_keys

MAPPINGS: dict[str, Callable[[], list[Any]]] = {
    "flux2-klein-4b": Flux2LoRAMapping.get_mapping,
    "z-image-turbo": ZImageLoRAMapping.get_mapping,
    "krea-2": Krea2LoRAMapping.get_mapping,
    "flux3-klein": Flux3LoRAMapping.get_mapping,
}


UNREAD = (".lora.down.default.", "lycoris_double_blocks_")
"""mflux joins diffusers' old name of a matrix with the name of PEFT's adapter, which no program does, and knows LyCORIS
behind Black Forest Labs' names."""


def spelled(name: str) -> Iterator[tuple[str, str]]:
    """Keys of first matrices in block 1, with the layers that mflux changes by them."""
    for target in MAPPINGS[name]():
        for pattern in (*target.possible_down_patterns, *target.possible_lokr_w1_patterns):
            if any(each in pattern for each in UNREAD):
                continue
            yield pattern.replace("{block}", "1"), target.model_path.replace("{block}", "1")


@pytest.mark.parametrize("name", MAPPINGS)
def test_every_name_that_mflux_reads_is_read(name: str) -> None:
    shapes = load_shapes(name)
    names = [(key, layer) for key, layer in spelled(name) if layer in shapes]
    assert len(names) > len(shapes) // 2
    for key, layer in names:
        found = sort_keys("a.safetensors", [key], shapes).modules
        assert layer in {target for module in found for target in module.rows.targets}, key
