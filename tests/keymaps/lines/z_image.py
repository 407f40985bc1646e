"""Z-Image by hand: how each trainer names its layers, beside the modules of mflux and the rows.

Nothing here reads a convention's document.
"""

from collections.abc import Iterator, Mapping

from tests.keymaps.lines.line import Line, Z


def z_image(stacks: Mapping[str, int], *, fused: bool = False, modulated: bool = False) -> Iterator[Line]:
    for stack, count in stacks.items():
        for n in range(count):
            block = f"{stack}.{n}"
            for place, letter in enumerate("qkv"):
                target = f"{block}.attention.to_{letter}"
                if fused:
                    yield f"{block}.attention.qkv", target, place * Z, (place + 1) * Z
                else:
                    yield target, target, 0, Z
            yield f"{block}.attention.{'out' if fused else 'to_out.0'}", f"{block}.attention.to_out.0", 0, Z
            for name, rows in (("w1", 10240), ("w2", Z), ("w3", 10240)):
                yield f"{block}.feed_forward.{name}", f"{block}.feed_forward.{name}", 0, rows
            if modulated and stack != "context_refiner":
                yield f"{block}.adaLN_modulation.0", f"{block}.adaLN_modulation.0", 0, 4 * Z


def z_image_layers() -> Iterator[Line]:
    yield from z_image({"layers": 30})


def z_image_modulated() -> Iterator[Line]:
    yield from z_image({"layers": 30}, modulated=True)


def z_image_fused() -> Iterator[Line]:
    yield from z_image({"layers": 30}, fused=True)


def z_image_all() -> Iterator[Line]:
    yield from z_image({"layers": 30, "noise_refiner": 2, "context_refiner": 2}, modulated=True)
    yield "all_x_embedder.2-1", "all_x_embedder.2-1", 0, Z
    yield "all_final_layer.2-1.linear", "all_final_layer.2-1.linear", 0, 64
    yield "all_final_layer.2-1.adaLN_modulation.1", "all_final_layer.2-1.adaLN_modulation.0", 0, Z
    yield "cap_embedder.1", "cap_embedder.1", 0, Z
    yield "t_embedder.mlp.0", "t_embedder.linear1", 0, 1024
    yield "t_embedder.mlp.2", "t_embedder.linear2", 0, 256
