"""Answers `style.compose`: what a render by genre would be, and what its files are, without rendering."""

from collections.abc import Callable

from kilnmark.daemon.asked.accept import decided
from kilnmark.daemon.asked.inspections import Inspections
from kilnmark.daemon.asked.packs import Packs
from kilnmark.daemon.asked.served import Served
from kilnmark.keymaps.inspection import scale_faults
from kilnmark.protocol.content.composition import Composition, composition_of, scale_problems
from kilnmark.protocol.picture.family import Variant
from kilnmark.protocol.wire.requests import RenderParams, StyleComposeParams

__all__ = ["composed"]


async def composed(
    params: StyleComposeParams,
    packs: Packs,
    inspections: Inspections,
    served: Served,
    drafts: Callable[[Variant], bool],
    on_file: Callable[[int, int], None],
) -> Composition:
    """Compose a style as a render would, and look at each of its files.

    Args:
        params: What was asked.
        packs: Where styles come from.
        inspections: Who looks at files.
        served: The bases that the daemon may hold.
        drafts: Whether renders on a base are drafts where they do not say.
        on_file: Called before each file with how many are done, and how many there are.

    Raises:
        InvalidParams: a name is unknown, or a document is not usable. Files that are not there are problems of the
            composition.
    """
    stack = await packs.compose(params.genre, params.world, params.tier, params.place)
    asked = RenderParams(prompt=params.prompt, genre=params.genre, world=params.world, tier=params.tier)
    decision = decided(asked, served, stack.style, drafts=drafts)
    variant = decision.spec.variant
    whole = stack.followed_by(params.extra_loras)
    found = await inspections.files(whole.paths, variant, on_file, with_targets=True)
    scales = zip(whole.scales, whole.block_scales or [{} for _ in found], strict=True)
    faults = scale_faults(found, list(scales), served.row_of(variant))
    return composition_of(
        stack.style,
        decision,
        place=params.place,
        inspections=found,
        problems=[*stack.problems, *scale_problems(stack.style, faults, params.extra_loras)],
        warnings=stack.warnings,
        trust=await packs.trust(stack.style),
        extras=params.extra_loras,
    )
