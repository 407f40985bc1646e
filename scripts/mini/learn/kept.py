"""What was learnt, as a file that the other side reads: float32, with mflux's names and PyTorch's order of axes."""

from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import nn

__all__ = ["keep", "take"]


def keep(net: nn.Module, path: Path) -> None:
    """Write all parameters."""
    draft = path.with_suffix(".draft")
    save_file({name: value.detach().float().contiguous() for name, value in net.named_parameters()}, str(draft))
    draft.replace(path)


def take(net: nn.Module, path: Path) -> None:
    """Read them again."""
    net.load_state_dict(load_file(str(path)))
