"""Healthy rotations for FLUX.1: OFT as each trainer has it, and LyCORIS' BOFT."""

from kilnmark.keymaps.zoo.exhibit import Exhibit
from kilnmark.keymaps.zoo.recipes import Form
from kilnmark.keymaps.zoo.usual import CORE, diffusers, kohya

__all__ = ["ROTATIONS"]

_LYCORIS = "KohakuBlueleaf/LyCORIS@01eed776 lycoris/modules"
_QUERIES = r"single.*attn\.to_q"

ROTATIONS = (
    Exhibit(
        "kohya-oft",
        (kohya(prefix="oft_unet_", alpha=1e-3, form=Form.OFT_PARTS),),
        writer="sd-scripts",
        source="kohya-ss/sd-scripts@48d368fa networks/oft_flux.py",
        tried="OFT, a tensor a target",
    ),
    Exhibit(
        "kohya-lycoris-oft",
        (kohya(alpha=1e-3, form=Form.OFT),),
        writer="lycoris",
        source=f"{_LYCORIS}/diag_oft.py on sd-scripts",
        tried="diag-OFT with rescale",
    ),
    Exhibit(
        "simpletuner-boft",
        (kohya("flux1-diffusers", prefix="lycoris_", only=_QUERIES, alpha=1e-3, form=Form.BOFT),),
        writer="simpletuner",
        source=f"{_LYCORIS}/boft.py",
        tried="BOFT",
    ),
    Exhibit(
        "onetrainer-oft",
        (diffusers(only=CORE, form=Form.OFT_PACKED),),
        writer="onetrainer",
        source="Nerogar/OneTrainer; huggingface/peft OFT",
        tried="OFT of inputs, packed",
    ),
)
