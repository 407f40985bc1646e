"""Whether a picture gets promoted adapters only: what a genre, a world and a tier say of it together.

The strictest of them counts; one that takes away what another asks for is a contradiction, and refused. Which adapters
are promoted is `promoted`'s part.
"""

from kilnmark.protocol.content.documents import GenreStyle, StyleFields, WorldStyle
from kilnmark.protocol.content.parsed import Broken, asked
from kilnmark.protocol.content.problems import Problem, UnusableContent
from kilnmark.protocol.content.tiers import Tier

__all__ = ["requires_promoted"]

_FIELD = "require_promoted"


def requires_promoted(genre: str, genre_style: GenreStyle, world_style: WorldStyle | None, tier: Tier | Broken) -> bool:
    """Whether a tier's adapters have to be promoted.

    Args:
        genre: Its folder's name.
        genre_style, world_style: What is written of both.
        tier: With the genre's own numbers; a broken one says nothing here.

    Raises:
        UnusableContent: One of them cannot be read, or takes away what another asks for.
    """
    by_genre, by_world = asked(genre_style.require_promoted), _said_by(world_style)
    by_tier = None if isinstance(tier, Broken) else tier.require_promoted
    if world_style is not None and by_genre and by_world is False:
        raise UnusableContent([world_style.problem((_FIELD,), "takes away what the genre asks for; remove this line")])
    if (by_genre or by_world) and by_tier is False and isinstance(tier, Tier):
        words = f"takes away what {'the genre' if by_genre else 'the world'} asks for; remove that line"
        raise UnusableContent(
            [Problem(file=f"{genre}/tiers.yaml", line=0, entry=f"{tier.name}.{_FIELD}", message=words)]
        )
    return bool(by_genre or by_world or by_tier)


def _said_by(style: StyleFields | None) -> bool | None:
    return None if style is None else asked(style.require_promoted)
