"""From what is asked for to a picture, decided: the one place where request, style, tier and variant meet.

The request's own word goes first, then its style's or its tier's, then its variant's. The daemon, offline compose, the
dry run and batches all decide here; whether a base is served, and where files lie, is theirs to know.
"""

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from msgspec import UNSET

from kilnmark.protocol.picture.catalog import MAX_PIXELS, VARIANTS, Variant, family_of
from kilnmark.protocol.picture.draft import cap_of, drafted
from kilnmark.protocol.picture.fitting import fitted, how_fitted
from kilnmark.protocol.picture.foreign_words import foreign_words
from kilnmark.protocol.picture.given import NO_PICTURES, USUAL_STRENGTH, GivenPicture, GivenPictures, first_step
from kilnmark.protocol.picture.spec import NUMBERS, PictureSize, PictureSpec, untaken
from kilnmark.protocol.wire.errors import InvalidParams

if TYPE_CHECKING:
    from kilnmark.protocol.content.composed import ComposedStyle
    from kilnmark.protocol.content.tiers import Tier
    from kilnmark.protocol.wire.requests import RenderParams

__all__ = ["Decision", "base_for", "decide", "of_start"]

_Word = TypeVar("_Word")


class Decision(NamedTuple):
    """A picture, decided.

    Attributes:
        spec: What decides its pixels, save its stack.
        warnings: What was asked for and is not so.
        repeatable: The seed is the request's own or its style's: asked for again, the same picture is meant.
        unused: Those of the warnings that are about words or numbers which the variant takes none of.
        capped: The one about what a draft has less than the picture, if there is one.
    """

    spec: PictureSpec
    warnings: tuple[str, ...]
    repeatable: bool
    unused: tuple[str, ...] = ()
    capped: tuple[str, ...] = ()


def base_for(
    asked: str | None, style: "ComposedStyle | None", tier: "Tier | None", *, served: Collection[str], default: str
) -> str:
    """The variant to paint on: the request's word, else the style's or the tier's where it is served, else `default`.

    Args:
        asked: By the request; it need not be served.
        served: What whoever paints may hold.
        default: What it was started with.
    """
    if asked is not None:
        return asked
    wished = _wished(style, tier)
    return wished if wished is not None and wished in served else default


def decide(
    asked: "RenderParams",
    base: str,
    row: Variant,
    *,
    style: "ComposedStyle | None" = None,
    tier: "Tier | None" = None,
    given: GivenPictures = NO_PICTURES,
    drafts: bool = False,
    draw: Callable[[], int] = lambda: secrets.randbits(32),
) -> Decision:
    """Decide everything that a request left open.

    Args:
        asked: The request; what it says of its stack is not looked at.
        base: The variant to paint on, as it is called here.
        row: What is known of it.
        style: What its genre, world and tier come to; None: it names no genre.
        tier: Its tier, where it names no genre; None: it names none.
        given: What is in the pictures that it names.
        drafts: Whether it is to be a draft where it does not say.
        draw: Gives a seed where nobody says one.

    Raises:
        InvalidParams: The picture is too large, or the variant takes no such pictures.
    """
    _check_pictures(asked, base, row)
    fields = style.fields if style else None
    seed = _first(asked.seed, fields.base_seed if fields else None)
    whole = _numbers(asked, style.tier if style else tier, row)
    numbers, is_draft = _drafted(asked, whole, style.tier if style else tier, row, drafts=drafts)
    spec = PictureSpec(
        prompt=style.prompt(asked.prompt) if style else asked.prompt,
        negative_prompt=_first(asked.negative_prompt, fields.negative_prompt if fields else None),
        variant=base,
        seed=draw() if seed is None else seed,
        **numbers,
        draft=is_draft,
        **_contents(asked, given),
    )
    if spec.width * spec.height > MAX_PIXELS:
        problem = f"{spec.width}x{spec.height} is more than {MAX_PIXELS} pixels - at `$.params.width`; ask for less"
        raise InvalidParams(problem)
    unused, capped = tuple(_unused(asked, spec, row)), tuple(_told_as_draft(asked, spec, whole))
    warnings = (
        *capped,
        *_other_base(base, style, tier),
        *unused,
        *of_start(spec, given),
        *of_references(spec, given, row),
        *foreign_words(spec.prompt),
        *foreign_words(spec.negative_prompt or "", "negative prompt"),
    )
    return Decision(spec, warnings, repeatable=seed is not None, unused=unused, capped=capped)


def _first(*words: _Word | None) -> _Word | None:
    return next((word for word in words if word is not None), None)


def _numbers(asked: "RenderParams", tier: "Tier | None", row: Variant) -> dict[str, Any]:
    """The request's, else the tier's, else the variant's; what that takes none of is its own."""
    numbers = {name: _first(getattr(asked, name), getattr(tier or row, name)) for name in NUMBERS}
    return numbers | {name: getattr(row, name) for name in untaken(row).intersection(NUMBERS)}


def _drafted(
    asked: "RenderParams", numbers: dict[str, Any], tier: "Tier | None", row: Variant, *, drafts: bool
) -> tuple[dict[str, Any], bool]:
    """The numbers as they are painted, and whether as a draft: one that is asked for is one, whatever is capped."""
    if asked.draft is False or (asked.draft is None and not drafts):
        return numbers, False
    cap = cap_of(asked.draft, tier.draft.numbers if tier and tier.draft else None, row)
    if asked.draft is not None:
        return drafted(numbers, cap), True
    has_size = asked.width is not None or asked.height is not None
    capped = drafted(numbers, cap, size=not has_size, steps=asked.steps is None)
    return capped, capped != numbers


def _told_as_draft(asked: "RenderParams", spec: PictureSpec, whole: dict[str, Any]) -> Iterator[str]:
    """What a draft has less than the picture; nothing where it was asked for with these very numbers."""
    changed = []
    if (spec.width, spec.height) != (whole["width"], whole["height"]):
        changed.append((f"{spec.width} x {spec.height}", f"{whole['width']} x {whole['height']}"))
    if spec.steps != whole["steps"]:
        changed.append((_steps(spec.steps), _steps(whole["steps"])))
    if spec.draft and changed:
        now, then = (", ".join(words) for words in zip(*changed, strict=True))
        mend = "; ask with `draft` false (`--no-draft`) for the picture" if asked.draft is None else ""
        yield f"this is a draft: {now} instead of {then}{mend}"


def _steps(count: int) -> str:
    return f"{count} step" if count == 1 else f"{count} steps"


def _wished(style: "ComposedStyle | None", tier: "Tier | None") -> str | None:
    return style.variant if style else tier.variant if tier else None


def _other_base(base: str, style: "ComposedStyle | None", tier: "Tier | None") -> Iterator[str]:
    """A tier's numbers and a style's adapters are for the base that they name."""
    wished = _wished(style, tier)
    if wished in (None, base):
        return
    named = style.tier if style else tier
    whose = f"tier {named.name!r} was tuned for" if named and named.variant == wished else ""
    if style and not whose:
        whose = f"the style of genre {style.pack.genre!r} prefers"
    yield f"{whose} {wished!r}; this picture was rendered on {base!r}"


def _unused(asked: "RenderParams", spec: PictureSpec, row: Variant) -> Iterator[str]:
    """What a variant takes none of, where it was asked for."""
    if spec.negative_prompt and "negative_prompt" in untaken(row):
        alike = not any(other.negative_prompt for other in family_of(row).variants)
        who = family_of(row).title if alike else f"variant {row.name!r}"
        yield f"{who} has no negative prompt; it was not used"
    for name in NUMBERS:
        word = getattr(asked, name)
        if word is not None and name in untaken(row):
            yield f"variant {row.name!r} takes no {name}; {word:g} was not used"
    if row.needs_negative:
        yield from _half_guided(asked, spec, row)


def _half_guided(asked: "RenderParams", spec: PictureSpec, row: Variant) -> Iterator[str]:
    """One of a pair that does nothing without the other, where guidance up to 1 is none."""
    if spec.negative_prompt and spec.guidance <= 1:
        yield (
            f"variant {row.name!r} has guidance {spec.guidance:g}, so the negative prompt was not used; "
            "give guidance above 1"
        )
    if asked.guidance is not None and asked.guidance > 1 and not spec.negative_prompt:
        yield (
            f"variant {row.name!r} is guided away from a negative prompt, and there is none; "
            f"guidance {asked.guidance:g} was not used"
        )


def _check_pictures(asked: "RenderParams", base: str, row: Variant) -> None:
    """A picture that is left out would be another one than was meant."""
    if asked.init_image is not None and not row.init_image:
        others = _named(name for name, other in VARIANTS.items() if other.init_image)
        raise InvalidParams(
            f"{base!r} cannot start from a picture - at `$.params.init_image`; leave it out, or paint on {others}"
        )
    count = len(asked.reference_images)
    if row.needs_reference and not count:
        raise InvalidParams(
            f"{base!r} paints from a reference picture - at `$.params.reference_images`; give one, or another variant"
        )
    if count > row.reference_images:
        others = _named(name for name, other in VARIANTS.items() if other.reference_images >= count)
        takes = f"at most {row.reference_images}" if row.reference_images else "no"
        raise InvalidParams(
            f"{base!r} takes {takes} reference pictures and {count} are given - at `$.params.reference_images`; "
            f"give fewer, or paint on {others}"
        )


def _named(names: Iterable[str]) -> str:
    return " or ".join(names) or "a base that can"


def _contents(asked: "RenderParams", given: GivenPictures) -> dict[str, Any]:
    """What a spec says of the pictures that it is made of, as far as there are any."""
    found: dict[str, Any] = {}
    if given.start is not None:
        found |= {"start": given.start.sha256, "strength": _first(asked.strength, USUAL_STRENGTH)}
    if given.references:
        found["references"] = tuple(each.sha256 for each in given.references)
    return found


def _in_other_colours(field: str, picture: GivenPicture) -> Iterator[str]:
    if picture.profile:
        named = f"{field} has a colour profile that is not applied ({picture.profile})"
        yield f"{named}, so that its colours are read as others; save it as sRGB"


def of_start(spec: PictureSpec, given: GivenPictures) -> Iterator[str]:
    """What becomes of a picture to start from, where nobody would expect it.

    Args:
        spec: Of the picture that starts from it.
        given: What is in the pictures that it is made of.
    """
    start = given.start
    if start is None or spec.strength is UNSET:
        return
    yield from _in_other_colours("init_image", start)
    if start.width * spec.height != start.height * spec.width:
        yield f"init_image has {start.width} x {start.height} pixels and was stretched to {spec.width} x {spec.height}"
    if not spec.strength:
        yield "at strength 0 nothing of init_image is left; give it a strength above 0, or leave it out"
    elif first_step(spec.steps, spec.strength) == spec.steps:
        yield (
            f"at strength {spec.strength:g} none of {spec.steps} steps is left to be painted: prompt and adapters "
            "changed nothing; lower the strength"
        )


def of_references(spec: PictureSpec, given: GivenPictures, row: Variant) -> Iterator[str]:
    """What is not read of reference pictures as it is in their files.

    Args:
        spec: Of the picture that refers to them.
        given: What is in the pictures that it is made of.
        row: Of its variant.

    Raises:
        InvalidParams: Nothing would be left of one.
    """
    for place, reference in enumerate(given.references):
        if not reference.width:  # nobody could look at it here
            continue
        own, asked = PictureSize(reference.width, reference.height), PictureSize(spec.width, spec.height)
        try:
            told = how_fitted(own, fitted(own, asked, family_of(row).fitting))
        except ValueError as error:
            raise InvalidParams(f"{error} - at `$.params.reference_images[{place}]`; give a larger one") from error
        if told:
            yield f"reference_images[{place}] {told}"
        yield from _in_other_colours(f"reference_images[{place}]", reference)
