"""Files whose strength, making or base is said outside their tensors: in the metadata, or in a config beside them.

What is said fits files of rank 2, which the zoo makes unless it is asked for others.
"""

import json
from collections.abc import Mapping

from kilnmark.keymaps.files.beside import CONFIG
from kilnmark.keymaps.files.metadata import PEFT_METADATA
from kilnmark.keymaps.zoo import flaws
from kilnmark.keymaps.zoo.exhibit import Exhibit
from kilnmark.keymaps.zoo.recipes import Form, Recipe
from kilnmark.keymaps.zoo.usual import diffusers
from kilnmark.protocol.picture.report import Verdict

__all__ = ["STRENGTHS", "UNBORNE"]

_QUERIES = diffusers(only=r"single.*attn\.to_q")
_BOTH = diffusers(only=r"single.*attn\.to_[qk]")
_OF_PEFT = Recipe("flux1-diffusers", "base_model.model.", only=r"single.*attn\.to_[qk]")
_PEFT_FILE = "adapter_model.safetensors"
_LORA_PY = "huggingface/peft@5d602fdb src/peft/tuners/lora/layer.py"


def _config(**fields: object) -> dict[str, object]:
    return {"peft_type": "LORA", "r": 2, "lora_alpha": 8, "target_modules": ["to_q", "to_k"], **fields}


def _packed(component: str = "transformer.", **fields: object) -> Mapping[str, str]:
    """As diffusers writes a config into the header."""
    return {PEFT_METADATA: json.dumps({component + name: value for name, value in _config(**fields).items()})}


STRENGTHS = (
    Exhibit(
        "peft-folder",
        (_OF_PEFT,),
        file=_PEFT_FILE,
        beside={CONFIG: json.dumps(_config(alpha_pattern={"attn.to_k": 3}))},
        writer="peft",
        source="huggingface/peft@5d602fdb src/peft/peft_model.py save_pretrained; huggingface/diffusers#6087",
        tried="alpha in `adapter_config.json` beside the file, with a pattern",
    ),
    Exhibit(
        "peft-folder-without-config",
        (_OF_PEFT,),
        file=_PEFT_FILE,
        writer="peft",
        source="huggingface/diffusers#6087",
        tried="the same, alone",
    ),
    Exhibit(
        "peft-rslora",
        (_OF_PEFT,),
        file=_PEFT_FILE,
        beside={CONFIG: json.dumps(_config(use_rslora=True))},
        writer="peft",
        source=_LORA_PY,
        tried="use_rslora",
    ),
    Exhibit(
        "peft-loha",
        (Recipe("flux1-diffusers", "base_model.model.", only=r"single.*attn\.to_q", form=Form.LOHA),),
        file=_PEFT_FILE,
        beside={CONFIG: json.dumps({"peft_type": "LOHA", "r": 2, "alpha": 6, "target_modules": ["to_q"]})},
        writer="peft",
        source="huggingface/peft@5d602fdb src/peft/tuners/loha/layer.py",
        tried="LoHa, whose config says `alpha`",
    ),
    Exhibit(
        "diffusers-alpha-in-metadata",
        (_BOTH,),
        metadata=_packed(alpha_pattern={r".*\.attn\.to_k": 6}, use_rslora=False, init_lora_weights="gaussian"),
        writer="diffusers",
        source="huggingface/diffusers#11324",
        tried="PEFT's config in the header, with a regular expression for a pattern",
    ),
    Exhibit(
        "simpletuner-entries",
        (_QUERIES,),
        metadata={"transformer.lora_alpha": "16", "transformer.r": "2"},
        writer="simpletuner",
        source="Comfy-Org/ComfyUI#12191; Comfy-Org/ComfyUI#15830",
        tried="alpha and rank as entries of the header",
    ),
    Exhibit(
        "kohya-to-ai-toolkit",
        (_QUERIES,),
        metadata={"ss_network_module": "networks.lora_flux", "ss_network_alpha": "1", "ss_network_dim": "2"},
        writer="sd-scripts",
        source="kohya-ss/sd-scripts@48d368fa networks/convert_flux_lora.py",
        tried="converted to ai-toolkit's names: alpha is multiplied in, and the header still has it",
    ),
    Exhibit(
        "ai-toolkit-says-sd15",
        (_QUERIES,),
        metadata={"ss_base_model_version": "sd_1.5", "software": '{"name": "ai-toolkit", "version": "0.1.0"}'},
        writer="ai-toolkit",
        source="ostris/ai-toolkit#130",
        tried="its first versions call every base Stable Diffusion 1.5",
    ),
)

UNBORNE = (
    Exhibit(
        "pissa-unconverted",
        (_QUERIES,),
        verdict=Verdict.REFUSED,
        metadata=_packed(init_lora_weights="pissa"),
        writer="peft",
        source=f"{_LORA_PY} pissa_init; huggingface/peft#1929",
        tried="PiSSA, whose base was altered before training",
    ),
    Exhibit(
        "olora-unconverted",
        (_QUERIES,),
        verdict=Verdict.REFUSED,
        metadata=_packed("", init_lora_weights="olora"),
        writer="simpletuner",
        source=f"{_LORA_PY} olora_init",
        tried="`--lora_init_type olora`, as PiSSA",
    ),
    Exhibit(
        "dora-without-magnitudes",
        (_QUERIES,),
        verdict=Verdict.PARTIAL,
        metadata=_packed(use_dora=True),
        tried="use_dora, and a converter left the magnitudes out",
    ),
    Exhibit(
        "dora-before-training",
        (diffusers(only=r"single.*attn\.to_q", form=Form.DORA),),
        verdict=Verdict.NOOP,
        flaw=flaws.dead,
        tried="DoRA, saved before the first step of training",
    ),
    Exhibit(
        "flux2-on-dev-by-its-word",
        (diffusers("flux2-bfl", "diffusion_model.", only=r"double.*attn\.proj"),),
        made_for="flux2-klein-4b",
        verdict=Verdict.PARTIAL,
        metadata={"ss_base_model_version": "flux_2_klein_4b", "modelspec.architecture": "Flux.2-klein-4b/lora"},
        tried="Attention of FLUX.2-klein on FLUX.1, whose names and widths fit",
    ),
)
"""What is said is not borne out by the file, or not on this base."""
