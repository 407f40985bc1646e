"""The VAE as PyTorch modules whose parameters are named as those of mflux's `Flux2VAE`.

mflux's classes are what is shipped and judged; this is the same arithmetic where it trains several times faster.
Sources: `mflux/models/flux2/model/flux2_vae` of mflux 0.24.0.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from scripts.mini.sizes import ACTIVE, LATENTS, VaeSize

__all__ = ["VaeNet"]

KEEPING = 3**0.5
"""By so much PyTorch draws convolutions too small for what they are given to come out as loud."""


class Residual(nn.Module):
    """Two convolutions beside a way around them; at first they add nothing."""

    def __init__(self, before: int, after: int, size: VaeSize) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(size.norm_num_groups, before, eps=size.eps)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.norm2 = nn.GroupNorm(size.norm_num_groups, after, eps=size.eps)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(before, after, 1) if before != after else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, before, height, width) to (batch, after, height, width)."""
        inner = self.conv1(functional.silu(self.norm1(x)))
        inner = self.conv2(functional.silu(self.norm2(inner)))
        around = x if self.conv_shortcut is None else self.conv_shortcut(x)
        moved: torch.Tensor = inner + around
        return moved


class Halved(nn.Module):
    """Half as many pixels along each side."""

    def __init__(self, wide: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(wide, wide, 3, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Padded to the right and below alone, as diffusers does."""
        made: torch.Tensor = self.conv(functional.pad(x, (0, 1, 0, 1)))
        return made


class Doubled(nn.Module):
    """Twice as many pixels along each side."""

    def __init__(self, wide: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(wide, wide, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Every pixel four times, then smoothed by what is learnt."""
        made: torch.Tensor = self.conv(functional.interpolate(x, scale_factor=2, mode="nearest"))
        return made


class Level(nn.Module):
    """Blocks at one resolution and the way to the next, under the name that mflux gives that way."""

    def __init__(self, wide: Sequence[int], size: VaeSize, way: tuple[str, nn.Module] | None) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(Residual(a, b, size) for a, b in pairwise(wide))
        if way is not None:
            self.add_module(way[0], nn.ModuleList([way[1]]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Through all of them."""
        for children in self.children():
            for child in children:  # type: ignore[attr-defined]
                x = child(x)
        return x


class Coder(nn.Module):
    """What encoder and decoder have in common: an entry, levels, a middle, and an exit behind a norm."""

    def __init__(self, ends: tuple[int, int], widths: tuple[int, int], size: VaeSize) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(ends[0], widths[0], 3, padding=1)
        middle = size.block_out_channels[-1]
        self.mid_block = Level((middle,) * 3, size, None)
        self.conv_norm_out = nn.GroupNorm(size.norm_num_groups, widths[1], eps=size.eps)
        self.conv_out = nn.Conv2d(widths[1], ends[1], 3, padding=1)

    def left(self, x: torch.Tensor) -> torch.Tensor:
        """The exit."""
        made: torch.Tensor = self.conv_out(functional.silu(self.conv_norm_out(x)))
        return made


class Encoder(Coder):
    """Pictures to means of latents (and to variances, which nobody asks for)."""

    def __init__(self, size: VaeSize) -> None:
        widths = size.block_out_channels
        super().__init__((3, 2 * LATENTS), (widths[0], widths[-1]), size)
        levels = []
        for number, wide in enumerate(widths):
            before = widths[max(0, number - 1)]
            way = ("downsamplers", Halved(wide)) if number + 1 < len(widths) else None
            levels.append(Level((before, *[wide] * size.layers_per_block), size, way))
        self.down_blocks = nn.ModuleList(levels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, 3, height, width) to (batch, 64, height / 8, width / 8)."""
        x = self.conv_in(x)
        for level in self.down_blocks:
            x = level(x)
        return self.left(self.mid_block(x))


class Decoder(Coder):
    """Latents to pictures."""

    def __init__(self, size: VaeSize) -> None:
        widths = size.block_out_channels[::-1]
        super().__init__((LATENTS, 3), (widths[0], widths[-1]), size)
        levels = []
        for number, wide in enumerate(widths):
            before = widths[max(0, number - 1)]
            way = ("upsamplers", Doubled(wide)) if number + 1 < len(widths) else None
            levels.append(Level((before, *[wide] * (size.layers_per_block + 1)), size, way))
        self.up_blocks = nn.ModuleList(levels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, 32, height / 8, width / 8) to (batch, 3, height, width)."""
        x = self.mid_block(self.conv_in(x))
        for level in self.up_blocks:
            x = level(x)
        return self.left(x)


class VaeNet(nn.Module):
    """Both, with a mixing of channels before and after the latents."""

    def __init__(self, size: VaeSize) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(size), Decoder(size)
        self.quant_conv = nn.Conv2d(2 * LATENTS, 2 * LATENTS, 1)
        self.post_quant_conv = nn.Conv2d(LATENTS, LATENTS, 1)
        self._begin()

    def _begin(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.data *= KEEPING
        for module in self.modules():
            if isinstance(module, Residual):
                module.conv2.weight.data.zero_()

    def encode(self, pictures: torch.Tensor) -> torch.Tensor:
        """The latents' channels that carry something, (batch, ACTIVE, height / 8, width / 8)."""
        made: torch.Tensor = self.quant_conv(self.encoder(pictures))[:, :ACTIVE]
        return made

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Pictures (batch, 3, height, width) from -1 to 1, from the channels that carry something."""
        whole = functional.pad(latents, (0, 0, 0, 0, 0, LATENTS - ACTIVE))
        made: torch.Tensor = self.decoder(self.post_quant_conv(whole))
        return made
