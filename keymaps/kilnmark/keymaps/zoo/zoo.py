"""The zoo: adapter files in every convention that trainers and exporters write, and with every defect, made to measure.

They are fakes with random weights and say so in their metadata. The same arguments give the same bytes.
"""

from kilnmark.keymaps.zoo.exhibit import Exhibit, write_exhibit
from kilnmark.keymaps.zoo.exhibits.flawed import FLAWED
from kilnmark.keymaps.zoo.exhibits.flux1 import FLUX1
from kilnmark.keymaps.zoo.exhibits.flux2 import FLUX2
from kilnmark.keymaps.zoo.exhibits.flux3 import FLUX3
from kilnmark.keymaps.zoo.exhibits.kinds import KINDS
from kilnmark.keymaps.zoo.exhibits.krea2 import KREA2
from kilnmark.keymaps.zoo.exhibits.norms import NORMS
from kilnmark.keymaps.zoo.exhibits.qwen3 import QWEN3, QWEN3_FLAWED
from kilnmark.keymaps.zoo.exhibits.qwen_image import QWEN_IMAGE
from kilnmark.keymaps.zoo.exhibits.rotations import ROTATIONS
from kilnmark.keymaps.zoo.exhibits.spellings import SPELLINGS
from kilnmark.keymaps.zoo.exhibits.strangers import STRANGERS
from kilnmark.keymaps.zoo.exhibits.strengths import STRENGTHS, UNBORNE
from kilnmark.keymaps.zoo.exhibits.text_only import TEXT_ONLY
from kilnmark.keymaps.zoo.exhibits.z_image import Z_IMAGE

__all__ = ["EXHIBITS", "Exhibit", "write_exhibit"]

EXHIBITS = (
    *FLUX1,
    *SPELLINGS,
    *STRENGTHS,
    *TEXT_ONLY,
    *KINDS,
    *NORMS,
    *ROTATIONS,
    *FLUX2,
    *Z_IMAGE,
    *KREA2,
    *FLUX3,
    *QWEN_IMAGE,
    *QWEN3,
    *FLAWED,
    *QWEN3_FLAWED,
    *UNBORNE,
    *STRANGERS,
)
"""Healthy ones first, convention by convention; then the defects."""
