"""What is to be said of a dataset's pictures: how many, how large, of which channels, which twice, which apart."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from kilnmark.lab.dataset.findings import Code, DatasetFinding, found, shown
from kilnmark.lab.dataset.likeness import Outliers, Twins
from kilnmark.lab.dataset.looking import PictureLook
from kilnmark.lab.dataset.report import AspectCount, SizeCount
from kilnmark.lab.run.plan import DatasetPlan, LoraKind

__all__ = ["aspects_of", "count_findings", "form_findings", "likeness_findings", "size_findings", "sizes_of"]

FEWEST: Final = {"style": 150, "subject": 10}
"""Pairs that each kind wants at least."""

MOST: Final = {"subject": 40}
"""Pairs that a kind wants at most: more of one subject, and its adapter knows these pictures instead of it."""

_TINY = 16
"""Pixels of the shortest side that a trainer can take: mflux-train packs so many into one token."""
_NEARLY = 0.9
"""Of the pixels that a trainer works at: the shapes that it sorts pictures into have no more (832 x 1216 at 1024)."""

_ASPECTS = ((1, 1), (5, 4), (4, 3), (3, 2), (16, 10), (16, 9), (2, 1), (21, 9))
_ALIKE = 0.02
_GREY_MODES = frozenset({"1", "L", "LA", "I;16", "I;16B", "I;16L"})


def sizes_of(looks: Sequence[PictureLook]) -> tuple[SizeCount, ...]:
    """How many pictures have which size, the most frequent first."""
    counts = Counter((look.width, look.height) for look in looks)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(SizeCount(width=size[0], height=size[1], pictures=count) for size, count in ordered)


def aspects_of(looks: Sequence[PictureLook]) -> tuple[AspectCount, ...]:
    """How many pictures have which shape, the most frequent first."""
    counts = Counter(_aspect(look.width, look.height) for look in looks)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(AspectCount(aspect=aspect, pictures=count) for aspect, count in ordered)


def _aspect(width: int, height: int) -> str:
    for long, short in _ASPECTS:
        for across, up in ((long, short), (short, long)):
            if abs(width * up / (height * across) - 1) <= _ALIKE:
                return f"{across}:{up}"
    return f"{width / height:.2f}:1"


def count_findings(kind: LoraKind, plan: DatasetPlan, pairs: int, distinct: int) -> Iterator[DatasetFinding]:
    """What is to be said of how many pairs there are.

    Args:
        kind: What is to be taught.
        plan: What is asked of the dataset.
        pairs: Of a picture and its caption.
        distinct: Of these, such with pixels of their own.
    """
    fewest = plan.pairs or FEWEST[kind]
    most = plan.most_pairs or MOST.get(kind)
    if pairs < fewest:
        said = f"{pairs} pairs, and a {kind} wants at least {fewest}"
        yield found(Code.TOO_FEW, said, "add pictures, or say in `pairs` that fewer will do")
    elif distinct < fewest:
        said = f"{distinct} different pictures in {pairs} pairs, and a {kind} wants at least {fewest}"
        yield found(Code.TOO_FEW_DISTINCT, said, "put other pictures in the place of copies")
    if most is not None and pairs > most:
        said = f"{pairs} pairs, and a {kind} wants at most {most}"
        yield found(Code.TOO_MANY, said, "keep those that differ most, or say in `most_pairs` that more will do")


def size_findings(plan: DatasetPlan, looks: Sequence[PictureLook]) -> Iterator[DatasetFinding]:
    """What is to be said of pictures that are smaller than a trainer works at."""
    tiny = [look.name for look in looks if min(look.width, look.height) < _TINY]
    if tiny:
        said = f"pictures with a side of less than {_TINY} pixels: {shown(tiny)}"
        yield found(Code.TINY, said, "take them away", tiny)
    small = [look for look in looks if look.width * look.height < _NEARLY * plan.size**2]
    if not small:
        return
    names = [look.name for look in sorted(small, key=lambda look: look.width * look.height)]
    share = len(small) / len(looks)
    said = f"{share:.0%} of the pictures have fewer pixels than {plan.size} x {plan.size}: {shown(names)}"
    if share > plan.small_share:
        mend = f"put larger ones in their place, or train at a smaller `size`; at most {plan.small_share:.0%} may be so"
        yield found(Code.SMALL_SHARE, said, mend, names)
    else:
        yield found(Code.SMALL, said, files=names)


def form_findings(looks: Sequence[PictureLook]) -> Iterator[DatasetFinding]:
    """What is to be said of how pictures stand in their files; trainers are given all upright, in 8 bits of RGB."""
    forms = [(look.name, look.form) for look in looks if look.form is not None]
    told = (
        (Code.TRANSPARENT, "pictures with transparency, which shows white", [n for n, form in forms if form.clear]),
        (
            Code.GREY,
            "pictures in grey, which become three equal channels",
            [n for n, form in forms if form.mode in _GREY_MODES],
        ),
        (
            Code.SIXTEEN_BITS,
            "pictures of 16 bits a channel, of which 8 are kept",
            [n for n, form in forms if form.deep],
        ),
        (Code.TURNED, "pictures that EXIF turns upright", [n for n, form in forms if form.turned]),
    )
    for code, said, names in told:
        if names:
            yield found(code, f"{said}: {shown(names)}", files=names)
    inks = [name for name, form in forms if form.mode == "CMYK"]
    profiled = [name for name, form in forms if form.mode != "CMYK" and form.profile]
    if inks or profiled:
        said = "pictures in other colours than sRGB, whose profiles no trainer applies"
        yield found(Code.COLOURS, f"{said}: {shown(inks + profiled)}", "convert them to sRGB", inks + profiled)


def likeness_findings(twins: Sequence[Twins], outliers: Outliers) -> Iterator[DatasetFinding]:
    """What is to be said of pictures that are there twice, and of those that stand apart."""
    equal = [group for group in twins if group.equal]
    near = [group for group in twins if not group.equal]
    if equal:
        said = f"pictures with the same pixels: {_groups(equal)}"
        yield found(Code.COPIES, said, "keep one of each: a copy counts twice", _names(equal))
    if near:
        mirrored = " or mirror images" if any(group.mirrored for group in near) else ""
        said = f"pictures that look the same{mirrored}: {_groups(near)}"
        yield found(Code.NEAR_DUPLICATES, said, "keep the best of each: what is there twice is memorised", _names(near))
    kinds = (
        (Code.BLURRED, "more blurred", outliers.blurred),
        (Code.DARK, "darker", outliers.dark),
        (Code.BRIGHT, "brighter", outliers.bright),
    )
    for code, how, apart in kinds:
        if apart:
            said = f"pictures far {how} than the others: {shown(f'{each.name} ({each.score})' for each in apart)}"
            mend = "look at them on the contact sheet, and keep what is meant to be so"
            yield found(code, said, mend, [each.name for each in apart])


def _groups(groups: Sequence[Twins]) -> str:
    return shown(" = ".join(group.names[:3]) + (" = ..." if len(group.names) > 3 else "") for group in groups)  # noqa: PLR2004


def _names(groups: Sequence[Twins]) -> list[str]:
    return [name for group in groups for name in group.names]
