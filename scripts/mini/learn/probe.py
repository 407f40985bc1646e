"""What the nets compute from inputs of chance, for the other side to compute again."""

from pathlib import Path

import numpy as np
import torch

from scripts.mini.learn.flownet import FlowNet, Text
from scripts.mini.learn.vaenet import VaeNet
from scripts.mini.lessons import PADDING, WORDS
from scripts.mini.sizes import SHOWN, TransformerSize

__all__ = ["keep_probe"]

PADDED = 20
"""For how many tokens each padding token stands."""
SIDE = 8


@torch.no_grad()
def keep_probe(vae: VaeNet, net: FlowNet, path: Path) -> None:
    """Write inputs and what comes of them, in float32."""
    chance = torch.Generator().manual_seed(12)
    pictures = 2 * torch.rand(2, 3, 64, 64, generator=chance) - 1
    tokens = torch.randn(2, SIDE * SIDE, SHOWN, generator=chance)
    states = torch.randn(2, WORDS + PADDING, TransformerSize().joint_attention_dim, generator=chance)
    weights = torch.ones(2, WORDS + PADDING)
    weights[:, WORDS:] = PADDED
    sigma = torch.tensor([0.3, 0.9])
    latents = vae.encode(pictures)
    made = {
        "pictures": pictures,
        "latents": latents,
        "decoded": vae.decode(latents),
        "tokens": tokens,
        "states": states,
        "padding": torch.tensor(PADDED),
        "sigma": sigma,
        "velocity": net(tokens, Text(states, weights), sigma)[..., :SHOWN],
    }
    np.savez(path, **{name: value.numpy() for name, value in made.items()})
