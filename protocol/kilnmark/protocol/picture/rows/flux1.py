"""The row of FLUX.1: its two text encoders, its variants with what each defaults to, and how its weights are told."""

import msgspec

from kilnmark.protocol.picture.family import BlockRun, Encoder, Family, LayerGroup, Mark, Numbers, Part, Variant

__all__ = ["FLUX1"]

_CLIP = Encoder(
    attribute="clip_text_encoder",
    title="CLIP",
    tokens=77,
    own=2,
    letters=8,
    tokenizer="tokenizer",
    in_parts="clip",
    shapes="clip_l",
)
_T5 = Encoder(attribute="t5_text_encoder", title="T5", tokens=512, tokenizer="tokenizer_2", shapes="t5_xxl")
_GUIDED, _UNGUIDED = (_CLIP, _T5), (_CLIP, msgspec.structs.replace(_T5, tokens=256))
_NON_COMMERCIAL = "FLUX.1 [dev] Non-Commercial"
_EMBEDDER = Mark(text="guidance_embedder", title="the embedder that reads guidance")

# Counted in the classes that mflux 0.24 builds; `tests/engine/families` holds them to it.
_DEV_NUMBERS = Numbers(matrices=16_785_516_288, others=85_129_955)
_SCHNELL_NUMBERS = Numbers(matrices=16_775_292_672, others=85_123_811)
_THIN_NUMBERS = Numbers(matrices=0, others=35_726_467)

FLUX1 = Family(
    name="flux1",
    title="FLUX.1",
    word="flux",
    engine="kilnmark.engine.families.flux1",
    numerics=("exact", "fast"),
    fitting="asked",
    variants=(
        Variant(
            name="standin",
            family="flux1",
            width=128,
            height=128,
            steps=2,
            guidance=3.5,
            init_image=True,
            encoders=_GUIDED,
            shapes="dev",
            numbers=_THIN_NUMBERS,
            made_up=True,
        ),
        Variant(
            name="dev",
            family="flux1",
            width=1024,
            height=1024,
            steps=12,
            guidance=3.5,
            init_image=True,
            encoders=_GUIDED,
            shapes="dev",
            numbers=_DEV_NUMBERS,
            has=(_EMBEDDER,),
            repository="black-forest-labs/FLUX.1-dev",
            revision="3de623fc3c33e44ffbe2bad470d0f45bccf2eb21",
            licence=_NON_COMMERCIAL,
            gated=True,
            trained_as={"mlx-examples": "dev", "ai-toolkit": "flux"},
        ),
        Variant(
            name="krea-dev",
            family="flux1",
            width=1024,
            height=1024,
            steps=12,
            guidance=4.5,
            init_image=True,
            encoders=_GUIDED,
            shapes="dev",
            numbers=_DEV_NUMBERS,
            has=(_EMBEDDER,),
            repository="black-forest-labs/FLUX.1-Krea-dev",
            revision="8162a9c7b05a641be098422bf2fcf335615c2f28",
            licence=_NON_COMMERCIAL,
            gated=True,
            trained_as={"ai-toolkit": "flux"},
        ),
        Variant(
            name="schnell",
            family="flux1",
            width=1024,
            height=1024,
            steps=4,
            guidance=0.0,
            guided=False,
            init_image=True,
            encoders=_UNGUIDED,
            shapes="schnell",
            numbers=_SCHNELL_NUMBERS,
            lacks=(_EMBEDDER,),
            repository="black-forest-labs/FLUX.1-schnell",
            revision="741f7c3ce8b383c54771c7003378a50191e9efe9",
            licence="Apache 2.0",
            gated=True,
            trained_as={"mlx-examples": "schnell", "ai-toolkit": "flux"},
            training_adapter="ostris/FLUX.1-schnell-training-adapter",
        ),
        Variant(
            name="kontext-dev",
            family="flux1",
            width=1024,
            height=1024,
            steps=25,
            guidance=2.5,
            reference_images=1,
            needs_reference=True,
            encoders=_GUIDED,
            shapes="dev",
            numbers=_DEV_NUMBERS,
            has=(_EMBEDDER,),
            repository="black-forest-labs/FLUX.1-Kontext-dev",
            revision="24e9dedc4ef646698dc8eb4e18ae2cec3c9fea0d",
            licence=_NON_COMMERCIAL,
            gated=True,
        ),
        Variant(
            name="standin:kontext-dev",
            family="flux1",
            width=128,
            height=128,
            steps=2,
            guidance=2.5,
            reference_images=1,
            needs_reference=True,
            encoders=_GUIDED,
            shapes="dev",
            numbers=_THIN_NUMBERS,
            made_up=True,
        ),
    ),
    parts=(
        Part(folder="transformer", marks=("single_transformer_blocks.", "time_text_embed.")),
        Part(folder="vae", sees=("encoder.",)),
        Part(folder="text_encoder"),
        Part(folder="text_encoder_2"),
    ),
    blocks=("transformer_blocks.", "single_transformer_blocks."),
    runs=(
        BlockRun(name="double", path="transformer_blocks."),
        BlockRun(name="single", path="single_transformer_blocks."),
    ),
    groups=(
        LayerGroup(title="double attention", patterns=("transformer_blocks.*.attn.*",)),
        LayerGroup(title="double MLP", patterns=("transformer_blocks.*.ff.*", "transformer_blocks.*.ff_context.*")),
        LayerGroup(title="double modulation", patterns=("transformer_blocks.*.norm*",)),
        LayerGroup(title="single attention", patterns=("single_transformer_blocks.*.attn.*",)),
        LayerGroup(title="single MLP", patterns=("single_transformer_blocks.*.proj_*",)),
        LayerGroup(title="single modulation", patterns=("single_transformer_blocks.*.norm*",)),
        LayerGroup(title="embedders and output", patterns=("*embedder*", "norm_out.*", "proj_out")),
    ),
)
