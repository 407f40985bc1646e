"""Numbers that are proposed for a new run's training. They stand in its `run.toml`, to be read over and made its own.

Who trains is not decided here.
"""

import copy
from typing import Any, Final

__all__ = ["proposed_training"]

_OWN: Final = {
    "steps": 20,
    "training_loop": {"timestep_low": 10, "timestep_high": 20, "timestep_type": "uniform"},
    "optimizer": {
        "lr_warmup_steps": 150,
        "optimizer_params": {"betas": [0.9, 0.98], "bias_correction": True, "weight_decay": 0.0},
    },
    "low_ram": False,
}
"""`mini` learns at the lower half of twenty levels of noise. The upper ones have next to nothing of a picture in them:
at those it would learn the mean of all pictures, and paint that.

The rate rises over half of the training to one that is too high to end with: the middle checkpoints are good, and the
last ones have forgotten what they are asked for.
"""

_SMALL: Final = {"steps": 300, "save_every": 60, "rank": 8, "learning_rate": 0.012}
"""What `mini` learns a style by in minutes; the numbers of large models leave no trace on it."""


def proposed_training(base: str, trainer: str) -> dict[str, Any]:
    """Entries of `[training]` that the usual ones are wrong for.

    Args:
        base: The variant.
        trainer: Who trains it.
    """
    if base != "mini":
        return {}
    return {**_SMALL, **({"own": copy.deepcopy(_OWN)} if trainer == "mflux" else {})}
