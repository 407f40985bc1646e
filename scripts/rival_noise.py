"""What diffusers' FLUX predicts in bf16 on torch's CPU, for weights, inputs and an adapter that it is given.

It runs in an environment of its own (`scripts/rivals.py`) and imports nothing of kilnmark: `python rival_noise.py
FOLDER`, where FOLDER holds `asked.json`, `weights.safetensors`, `inputs.safetensors` and `adapter.safetensors`, all in
diffusers' names. It leaves `noise.safetensors` there: `bare.N` and `moved.N` for each input, float32.
"""

import json
import sys
from pathlib import Path

import torch
from diffusers import FluxTransformer2DModel
from diffusers.utils import logging
from safetensors.torch import load_file, save_file


def build(folder: Path, sizes: dict[str, object]) -> FluxTransformer2DModel:
    """With the weights of the folder, none missing and none left over."""
    model = FluxTransformer2DModel(**sizes).to(torch.bfloat16)
    model.load_state_dict(load_file(folder / "weights.safetensors"), strict=True)
    return model.eval().requires_grad_(requires_grad=False)


def ids_of(rows: int, columns: int) -> torch.Tensor:
    """Where the picture's tokens stand."""
    ids = torch.zeros(rows * columns, 3)
    ids[:, 1] = torch.arange(rows).repeat_interleave(columns)
    ids[:, 2] = torch.arange(columns).repeat(rows)
    return ids


def main() -> None:
    """Everything that is asked."""
    folder = Path(sys.argv[1])
    logging.set_verbosity_error()
    asked = json.loads((folder / "asked.json").read_text())
    model, inputs = build(folder, asked["sizes"]), load_file(folder / "inputs.safetensors")
    noise: dict[str, torch.Tensor] = {}

    def predict(name: str) -> None:
        for place, (sigma, strength) in enumerate(asked["times"]):
            text = inputs[f"text.{place}"].to(torch.bfloat16)[None]
            with torch.inference_mode():
                given = model(
                    hidden_states=inputs[f"latents.{place}"].to(torch.bfloat16)[None],
                    encoder_hidden_states=text,
                    pooled_projections=inputs[f"pooled.{place}"].to(torch.bfloat16)[None],
                    timestep=torch.tensor([sigma]),
                    guidance=torch.tensor([strength]),
                    img_ids=ids_of(asked["rows"], asked["columns"]),
                    txt_ids=torch.zeros(text.shape[1], 3),
                    return_dict=False,
                )[0]
            noise[f"{name}.{place}"] = given[0].float().contiguous()

    predict("bare")
    model.load_lora_adapter(load_file(folder / "adapter.safetensors"), adapter_name="a")
    predict("moved")
    save_file(noise, folder / "noise.safetensors")


if __name__ == "__main__":
    main()
