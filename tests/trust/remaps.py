"""Healthy files written again in another convention: the new file must be engaged with the same numbers everywhere.

What no goal can say is known here from the goals' own readers, not from the product.
"""

from pathlib import Path

from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.remap.convert import GOALS, GoalName, remap_adapter
from tests.trust.healthy import AdapterDrawn, Written, draw_healthy
from tests.trust.proof import laid, numbers_of, troubles_of_healthy
from tests.trust.writers import as_diffusers, as_mflux

__all__ = ["false_remaps", "must_be_sayable"]

_FLUX1 = ("dev", "schnell")
_INPUTS = ("img_in", "txt_in", "time_in", "vector_in", "guidance_in")
_ENCODERS = ("clip", "t5", "qwen3")


def false_remaps(seed: int, place: int, folder: Path) -> list[str]:
    """What is wrong with a healthy file that was converted to one of the goals."""
    numbers = numbers_of(seed, 2, place)
    goal = GOALS[place % len(GOALS)]
    drawn = draw_healthy(numbers)
    source, path = laid(drawn, folder), folder / "remapped.safetensors"
    label = f"{drawn.label}, to {goal}"
    try:
        remapped = remap_adapter(source, path, goal)
    except UnfitAdapter as error:
        if must_be_sayable(drawn, goal):
            return [f"{label}: refused: {error}"]
        named = any(module.name in str(error) for module in drawn.modules)
        named = named or any(target in str(error) for target in drawn.changes)
        return [] if named or any(key in str(error) for key in drawn.tensors) else [f"{label}: names no layer: {error}"]
    if goal == "mlx-examples" and drawn.model.name not in _FLUX1:
        # Its layers are FLUX.1's as well, by name and by size, and so it was taken for a file of FLUX.1.
        return [] if remapped.variant in _FLUX1 else [f"{label}: there are no such names for {remapped.variant}"]
    return [f"{label}: {trouble}" for trouble in troubles_of_healthy(path, drawn, numbers, remapped=True)]


def must_be_sayable(drawn: AdapterDrawn, goal: GoalName) -> bool:
    """Whether a goal has words for all of a file: pairs everywhere, others where nothing is parted or joined."""
    has_norms = len(drawn.changes) != sum(len(module.unit.parts) for module in drawn.modules)
    if goal == "mlx-examples":
        plain = all(set(module.keys) <= {drawn.hand.down, drawn.hand.up, "alpha"} for module in drawn.modules)
        inside = all(module.unit.stack in {"double", "single"} for module in drawn.modules)
        return plain and inside and not has_norms and drawn.model.name in _FLUX1
    if goal == "kohya" and not all(_is_kohyas(module) for module in drawn.modules):
        return False
    return all(_moves(module, drawn, goal) for module in drawn.modules)


def _is_kohyas(module: Written) -> bool:
    """sd-scripts trains blocks and inputs: networks/lora_flux.py, `in_dims`."""
    if module.unit.stack:
        return True
    paths = ("x_embedder", "context_embedder", "time_text_embed")
    return module.unit.name.startswith((*_INPUTS, *paths))


def _moves(module: Written, drawn: AdapterDrawn, goal: GoalName) -> bool:
    """A pair goes anywhere; so does a module whose layers stay together."""
    beside = {"lora_B.bias", "diff_b", "alpha", "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "diff"}
    if set(module.keys) <= {drawn.hand.down, drawn.hand.up, *beside}:
        return True
    separate = drawn.writer.naming in {as_diffusers, as_mflux}
    return separate == (goal == "diffusers") or module.unit.stack in _ENCODERS
