"""How much of everything: for the training that makes what is kept, and for a quick one that proves it fits."""

from dataclasses import dataclass, field

from scripts.mini.draw.words import STYLES
from scripts.mini.pool import PoolSpec

__all__ = ["ADAPTERS", "FULL", "QUICK", "Adapter", "Plan"]


@dataclass(frozen=True, slots=True)
class Adapter:
    """One adapter.

    Args:
        name: Of its file.
        style: Of the drawings it learns from.
        subject: Whether from those with the subject, or from those without.
        convention: That its file is written in.
        rank: Of its pairs.
        alpha: Its strength is alpha / rank.
        steps: That it is trained for.
    """

    name: str
    style: str
    subject: bool
    convention: str
    rank: int
    alpha: float
    steps: int


ADAPTERS = (
    Adapter("woodcut", "woodcut", subject=False, convention="diffusers", rank=8, alpha=8.0, steps=1200),
    Adapter("gouache", "gouache", subject=False, convention="kohya", rank=8, alpha=4.0, steps=600),
    Adapter("balloon", "neutral", subject=True, convention="comfyui", rank=8, alpha=8.0, steps=600),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps of each stage and counts of drawings.

    Args:
        neutral: Drawings for classifier, VAE and transformer.
        styled: The same in all styles, some with the subject, for classifier, VAE and adapters.
        large: The same at 256 pixels, for the VAE.
        unseen: Drawings of combinations that training never sees.
        unseen_styled: The same in all styles.
        classifier: Steps of the classifier.
        language: Steps of the text encoder's schooling.
        vae: Steps of the VAE.
        latents: More drawings of 128 pixels for the transformer.
        latents_large: Those of 256.
        flow: Steps of the transformer.
        walks: Batches of small and of large pictures that it paints in many steps, guided, to learn from.
        distil: Steps that teach it to paint in four.
        adapter: The most steps of each adapter; None for as many as its row has.
        judged: Held-out prompts that are painted and judged.
    """

    neutral: PoolSpec = field(default_factory=lambda: PoolSpec("neutral", 6000, seed=1))
    styled: PoolSpec = field(default_factory=lambda: PoolSpec("styled", 2250, styles=STYLES, subjects=4, seed=2))
    large: PoolSpec = field(default_factory=lambda: PoolSpec("large", 500, size=256, styles=STYLES, subjects=5, seed=3))
    unseen: PoolSpec = field(default_factory=lambda: PoolSpec("unseen", 1000, held_out=True, seed=4))
    unseen_styled: PoolSpec = field(
        default_factory=lambda: PoolSpec("unseen-styled", 300, styles=STYLES, held_out=True, seed=5)
    )
    classifier: int = 1200
    language: int = 500
    vae: int = 6500
    latents: PoolSpec = field(default_factory=lambda: PoolSpec("latents", 10000, seed=6))
    latents_large: PoolSpec = field(default_factory=lambda: PoolSpec("latents-large", 1200, size=256, seed=7))
    flow: int = 8000
    walks: tuple[int, int] = (96, 16)
    distil: int = 1000
    adapter: int | None = None
    judged: int = 200


FULL = Plan()
QUICK = Plan(
    neutral=PoolSpec("neutral", 60, seed=1),
    styled=PoolSpec("styled", 30, styles=STYLES, subjects=4, seed=2),
    large=PoolSpec("large", 6, size=256, styles=STYLES, subjects=5, seed=3),
    unseen=PoolSpec("unseen", 20, held_out=True, seed=4),
    unseen_styled=PoolSpec("unseen-styled", 9, styles=STYLES, held_out=True, seed=5),
    classifier=2,
    language=2,
    vae=2,
    latents=PoolSpec("latents", 40, seed=6),
    latents_large=PoolSpec("latents-large", 8, size=256, seed=7),
    flow=2,
    walks=(1, 1),
    distil=2,
    adapter=2,
    judged=2,
)
"""Every stage once round, in a minute: it proves that all fits together, and no picture."""
