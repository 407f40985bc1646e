"""A family of models of three small blocks that reads letters: its row for the catalog, and nothing heavy."""

from kilnmark.protocol.picture.family import Encoder, Family, Mark, Numbers, Part, Variant

__all__ = ["FAMILY"]

FAMILY = Family(
    name="pinhole",
    title="Pinhole",
    engine="pinhole.engine",
    variants=(
        Variant(
            name="pinhole",
            family="pinhole",
            width=128,
            height=64,
            steps=3,
            guidance=2.0,
            negative_prompt=True,
            encoders=(Encoder(attribute="eye", title="the eye", tokens=64),),
            shapes="pinhole",
            numbers=Numbers(matrices=5216, others=67),
            has=(Mark(text="film.", title="a film"),),
        ),
    ),
    parts=(Part(folder="camera", marks=("aperture.",)), Part(folder="eye")),
    data="pinhole",
)
