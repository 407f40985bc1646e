"""Adapters: pairs of narrow matrices beside the transformer's, trained on drawings of one style or one subject.

Where three matrices are one in a convention (query, key and value), their adapters share what comes before the
narrow middle, so that each convention's file holds exactly what was trained.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from scripts.mini.learn.flow import School, aimed
from scripts.mini.learn.flownet import FlowNet
from scripts.mini.learn.loop import Lesson, Training
from scripts.mini.ledger import Ledger

__all__ = ["Beside", "put_beside", "train_adapter"]

FUSED = (("to_q", "to_k", "to_v"), ("add_q_proj", "add_k_proj", "add_v_proj"))


class Beside(nn.Module):
    """A linear layer with a pair beside it; at first the pair gives nothing.

    Args:
        linear: The layer, which stays as it is.
        down: (rank, in), perhaps another's, too.
        scale: Factor of what the pair gives: alpha / rank.
    """

    def __init__(self, linear: nn.Linear, down: nn.Parameter, scale: float) -> None:
        super().__init__()
        self.linear, self.down, self.scale = linear, down, scale
        self.up = nn.Parameter(torch.zeros(linear.out_features, len(down)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, tokens, in) to (batch, tokens, out)."""
        told: torch.Tensor = self.linear(x) + self.scale * nn.functional.linear(
            nn.functional.linear(x, self.down), self.up
        )
        return told


def put_beside(net: FlowNet, rank: int, alpha: float, seed: int) -> dict[str, Beside]:
    """Put a pair beside every linear layer of every block, and let nothing else learn.

    Returns:
        The pairs by the name of the layer, as mflux names it.
    """
    net.requires_grad_(requires_grad=False)
    chance = torch.Generator().manual_seed(seed)
    made: dict[str, Beside] = {}
    blocks = ((name, module) for name, module in list(net.named_modules()) if name.count(".") == 2)  # noqa: PLR2004
    for path, part in blocks:
        if not path.startswith(("transformer_blocks.", "single_transformer_blocks.")):
            continue
        shared: dict[str, nn.Parameter] = {}
        for name, linear in list(part.named_children()):
            if isinstance(linear, nn.Linear):
                family = next((names[0] for names in FUSED if name in names), name)
                if family not in shared:
                    start = torch.randn(rank, linear.in_features, generator=chance) / linear.in_features**0.5
                    shared[family] = nn.Parameter(start)
                made[f"{path}.{name}"] = Beside(linear, shared[family], alpha / rank)
                setattr(part, name, made[f"{path}.{name}"])
    return made


def train_adapter(name: str, net: FlowNet, school: School, folder: Path, ledger: Ledger, steps: int) -> None:
    """Train the pairs that stand beside a net's layers, or take up a training that was stopped."""

    def lesson(step: int) -> Lesson:
        return aimed(net, school, np.random.default_rng([11, step]), large=False)

    Training(name, steps, net, lesson, folder, ledger, rate=4e-3, betas=(0.9, 0.98), average=0.98).run()
