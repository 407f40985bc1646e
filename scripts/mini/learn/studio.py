"""The stages that PyTorch goes through, each of which goes on from what lies in the folder."""

from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from scripts.mini.learn.adapters import put_beside, train_adapter
from scripts.mini.learn.classifier import ClassifierNet, train_classifier
from scripts.mini.learn.distil import train_distilled, walk
from scripts.mini.learn.flow import School, train_flow
from scripts.mini.learn.flownet import FlowNet
from scripts.mini.learn.kept import keep, take
from scripts.mini.learn.latents import Norm, encode_pool, measured
from scripts.mini.learn.probe import keep_probe
from scripts.mini.learn.vae import train_vae
from scripts.mini.learn.vaenet import VaeNet
from scripts.mini.learn.written import write_adapter, write_dead
from scripts.mini.ledger import Ledger
from scripts.mini.lessons import Lessons, joined, lessons
from scripts.mini.plan import ADAPTERS, Adapter, Plan
from scripts.mini.pool import Drawings, drawings, motifs
from scripts.mini.sizes import TransformerSize, VaeSize

__all__ = ["Studio"]

MEASURED = 400
"""Drawings that the mean and the variance of latents are measured on."""


class Studio:
    """The folder of one training, and what is in it already.

    Args:
        folder: Where everything is kept.
        plan: How much of everything.
        device: Where it is computed: `cpu`, `cuda` or `mps`.
    """

    def __init__(self, folder: Path, plan: Plan, device: str = "cpu") -> None:
        self.folder, self.plan, self.device = folder, plan, torch.device(device)
        self.ledger = Ledger(folder / "spent.json")
        torch.manual_seed(0)

    def classifier(self) -> None:
        """Train what judges."""
        seen = [drawings(self.folder, spec, self.ledger) for spec in (self.plan.neutral, self.plan.styled)]
        both = Drawings(np.concatenate([d.pictures for d in seen]), np.concatenate([d.labels for d in seen]))
        net = ClassifierNet().to(self.device)
        train_classifier(net, both, self.folder, self.ledger, self.plan.classifier)
        keep(net, self.folder / "classifier.safetensors")

    def vae(self) -> None:
        """Train the VAE, and measure what FLUX.2 normalizes latents by."""
        specs = (self.plan.neutral, self.plan.styled, self.plan.large)
        pools = [drawings(self.folder, spec, self.ledger).pictures for spec in specs]
        net = VaeNet(VaeSize()).to(self.device)
        train_vae(net, [pools[0], *pools], self.folder, self.ledger, self.plan.vae)
        keep(net, self.folder / "vae-net.safetensors")
        measured(net, pools[0][:MEASURED]).keep(self.folder / "norm.npz")
        self.ledger.tick("vae", now=True)

    def latents(self) -> None:
        """Encode every drawing that the transformer or an adapter learns from."""
        net = VaeNet(VaeSize()).to(self.device)
        take(net, self.folder / "vae-net.safetensors")
        norm = Norm.kept(self.folder / "norm.npz")
        for spec in (self.plan.neutral, self.plan.latents, self.plan.latents_large, self.plan.styled):
            path = self.folder / f"{spec.name}.seen.npy"
            if not path.exists():
                encode_pool(net, norm, drawings(self.folder, spec, self.ledger).pictures, path)
                self.ledger.tick("latents", now=True)

    def flow(self) -> None:
        """Train the transformer."""
        net = self._transformer(None)
        train_flow(net, self.school, self.folder, self.ledger, self.plan.flow)
        keep(net, self.folder / "flow-net.safetensors")

    def distil(self) -> None:
        """Teach it to paint in four steps."""
        walk(self._transformer("flow-net"), self.school, self.folder / "walks", self.ledger, self.plan.walks)
        net = self._transformer("flow-net")
        train_distilled(net, self.school, self.folder / "walks", self.ledger, self.plan.distil)
        keep(net, self.folder / "mini-net.safetensors")

    def adapters(self) -> None:
        """Train the adapters, and write them in their conventions."""
        (self.folder / "loras").mkdir(exist_ok=True)
        for number, adapter in enumerate(ADAPTERS):
            self._adapter(adapter, number)

    def probe(self) -> None:
        """Keep what the nets compute, for mflux's classes to compute again."""
        vae = VaeNet(VaeSize())
        take(vae, self.folder / "vae-net.safetensors")
        net = FlowNet(TransformerSize())
        take(net, self.folder / "mini-net.safetensors")
        keep_probe(vae, net, self.folder / "probe.npz")

    @cached_property
    def school(self) -> School:
        """What the transformer learns from."""
        small = joined(*(lessons(self.folder, spec.name) for spec in (self.plan.neutral, self.plan.latents)))
        return School(small, lessons(self.folder, self.plan.latents_large.name), self._nothing(), self.device)

    def _adapter(self, adapter: Adapter, number: int) -> None:
        net = self._transformer("flow-net")
        pairs = put_beside(net, adapter.rank, adapter.alpha, number)
        seen = lessons(self.folder, self.plan.styled.name).only(
            [
                style == adapter.style and motif.subject == adapter.subject
                for motif, _, style in motifs(self.plan.styled)
            ]
        )
        school = School(seen, seen, self._nothing(), self.device)
        steps = adapter.steps if self.plan.adapter is None else min(adapter.steps, self.plan.adapter)
        train_adapter(adapter.name, net.to(self.device), school, self.folder, self.ledger, steps)
        said = {"format": "pt", "kilnmark": f"trained by scripts/mini on drawings: {adapter.name}"}
        write_adapter(self.folder / "loras" / f"{adapter.name}.safetensors", pairs, adapter.convention, said)
        if adapter is ADAPTERS[0]:
            write_dead(self.folder / "loras" / f"{adapter.name}-dead.safetensors", pairs, said)

    def _transformer(self, name: str | None) -> FlowNet:
        net = FlowNet(TransformerSize())
        if name is not None:
            take(net, self.folder / f"{name}.safetensors")
        net.to(self.device)
        return net

    def _nothing(self) -> Lessons:
        told = np.load(self.folder / "nothing.said.npz")
        return Lessons(np.zeros((1, 1, 1), np.float16), told["states"], told["lengths"])
