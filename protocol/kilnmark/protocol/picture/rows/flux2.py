"""The row of FLUX.2-klein: one text encoder, a Qwen3, and a transformer whose single blocks have fused layers."""

from kilnmark.protocol.picture.family import Encoder, Family, LayerGroup, Numbers, Variant

__all__ = ["FLUX2"]

_QWEN3 = Encoder(attribute="qwen3_text_encoder", title="Qwen3", tokens=512, own=0, around=13, tokenizer="tokenizer")
"""Around a prompt stand the marks of a chat, and an empty thought."""

# Counted in what mflux 0.24 builds; `tests/engine/families` holds them to it.
_THIN_NUMBERS = Numbers(matrices=0, others=14_231_597)

FLUX2 = Family(
    name="flux2",
    title="FLUX.2-klein",
    engine="kilnmark.engine.families.flux2",
    variants=(
        Variant(
            name="standin:flux2-klein-4b",
            family="flux2",
            width=128,
            height=128,
            steps=2,
            guidance=0.0,
            guided=False,
            encoders=(_QWEN3,),
            shapes="flux2-klein-4b",
            numbers=_THIN_NUMBERS,
            made_up=True,
        ),
    ),
    groups=(
        LayerGroup(title="double attention", patterns=("transformer_blocks.*.attn.*",)),
        LayerGroup(title="double MLP", patterns=("transformer_blocks.*.ff*",)),
        LayerGroup(title="single blocks", patterns=("single_transformer_blocks.*",)),
        LayerGroup(title="modulation", patterns=("*_modulation*", "norm_out.*")),
        LayerGroup(title="embedders and output", patterns=("*embed*", "proj_out")),
    ),
)
