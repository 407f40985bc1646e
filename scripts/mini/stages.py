"""The stages of the training in order, each of which goes on from what lies in the folder."""

import subprocess
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from scripts.mini.judge import shown
from scripts.mini.ledger import Ledger
from scripts.mini.lessons import NOTHING
from scripts.mini.model import parts
from scripts.mini.model.agreement import agree
from scripts.mini.model.carried import carry, carry_vae
from scripts.mini.model.classifier import Classifier, judge, kept_classifier
from scripts.mini.model.directory import load_tokenizer, read_directory, write_directory
from scripts.mini.model.pictures import peak_to_noise, there_and_back
from scripts.mini.model.tokens import write_tokenizer
from scripts.mini.painter import Painter
from scripts.mini.plan import ADAPTERS, QUICK, Plan
from scripts.mini.pool import Drawings, PoolSpec, drawings
from scripts.mini.sizes import Sizes
from scripts.mini.styles import styled
from scripts.mini.train.captions import keep_captions, keep_states, understood
from scripts.mini.train.language import train_encoder

__all__ = ["STAGES", "Workshop"]

STAGES = (
    "draw",
    "classifier",
    "language",
    "vae",
    "latents",
    "flow",
    "distil",
    "directory",
    "verdict",
    "adapters",
    "styles",
)
"""In order; each is a method."""

Told = dict[str, Any]


class Workshop:
    """The folder of one training, and what is in it already. Every stage tells what it found.

    Args:
        folder: Where everything is kept.
        plan: How much of everything.
        torch: The Python of an environment that has PyTorch.
        device: Where PyTorch computes.
    """

    def __init__(self, folder: Path, plan: Plan, torch: Path, device: str = "cpu") -> None:
        self.folder, self.plan, self.sizes = folder, plan, Sizes()
        self.torch, self.device = torch, device
        self.ledger = Ledger(folder / "spent.json")
        self.parts = parts.build(self.sizes)

    def draw(self) -> Told:
        """Draw everything that anything learns from or is judged by."""
        plan = self.plan
        seen = (plan.neutral, plan.styled, plan.large, plan.latents, plan.latents_large)
        return {spec.name: len(self._drawn(spec).pictures) for spec in (*seen, plan.unseen, plan.unseen_styled)}

    def classifier(self) -> Told:
        """Train the classifier and judge it by drawings of combinations it never saw."""
        self._learn("classifier")
        unseen, worn = (judge(self.judge, self._drawn(s)) for s in (self.plan.unseen, self.plan.unseen_styled))
        return {"mean": unseen.mean, **asdict(unseen), "style": worn.by_attribute["style"]}

    @cached_property
    def judge(self) -> Classifier:
        """The classifier that was trained."""
        return kept_classifier(self.folder / "classifier.safetensors")

    @cached_property
    def tokenizer(self) -> Any:
        """As mflux loads it."""
        write_tokenizer(self.folder / "tokenizer")
        return load_tokenizer(self.folder)

    def language(self) -> Told:
        """School the text encoder, and keep what it makes of the captions of every drawing."""
        steps = self.plan.language
        reader = train_encoder(self.parts.encoder, self.sizes.encoder, self.tokenizer, self.folder, self.ledger, steps)
        for spec in (self.plan.neutral, self.plan.latents, self.plan.latents_large, self.plan.styled):
            keep_captions(self.folder, spec, reader, self.tokenizer, self.ledger)
        nothing = self.folder / "nothing.said.npz"
        if not nothing.exists():
            keep_states(nothing, *understood(reader, self.tokenizer, [NOTHING]), each=1)
        return {}

    def vae(self) -> Told:
        """Train the VAE; its loss on drawings it never saw is told in decibel."""
        self._learn("vae")
        carry_vae(self.folder, self.parts.vae)
        told = {}
        for spec in (self.plan.unseen, self.plan.unseen_styled):
            some = self._drawn(spec).pictures[:60]
            told[spec.name] = peak_to_noise(there_and_back(self.parts.vae, some), some)
        return told

    def latents(self) -> Told:
        """Encode for the transformer."""
        self._learn("latents")
        return {}

    def flow(self) -> Told:
        """Train the transformer."""
        self._learn("flow")
        return {}

    def distil(self) -> Told:
        """Teach it to paint in four steps."""
        self._learn("distil")
        return {}

    def directory(self) -> Told:
        """Write the directory that mflux's classes load, once they compute from its weights what PyTorch does."""
        self.language()
        carry_vae(self.folder, self.parts.vae)
        carry(self.folder / "mini-net.safetensors", self.parts.transformer)
        self._learn("probe")
        apart = agree(self.folder / "probe.npz", self.parts)
        return {"bytes": write_directory(self.folder / "mini", self.parts, self.sizes), "apart": apart}

    def verdict(self) -> Told:
        """Paint held-out prompts with what the directory holds, in four steps, and judge that."""
        kept = self.folder / "mini.json"
        if not kept.exists():
            found = shown(self._painter(), self.judge, self.plan.judged, self.folder / "mini.png")
            kept.write_bytes(msgspec.json.encode(found))
            self.ledger.tick("judging", now=True)
        told: Told = msgspec.json.decode(kept.read_bytes())
        return told

    def adapters(self) -> Told:
        """Train the adapters."""
        self._learn("adapters")
        return {path.name: path.stat().st_size for path in sorted((self.folder / "loras").glob("*.safetensors"))}

    def styles(self) -> Told:
        """Paint held-out prompts without and with the adapters, and judge that."""
        kept = self.folder / "styles.json"
        if not kept.exists():
            count = max(2, self.plan.judged // 4)
            loras = {adapter.name: self.folder / "loras" / f"{adapter.name}.safetensors" for adapter in ADAPTERS}
            found = styled(self._painter(), self.judge, loras, count, self.folder / "styles.png")
            kept.write_bytes(msgspec.json.encode(found))
            self.ledger.tick("judging", now=True)
        told: Told = msgspec.json.decode(kept.read_bytes())
        return told

    def _painter(self) -> Painter:
        made, _ = read_directory(self.folder / "mini")
        return Painter(made, load_tokenizer(self.folder / "mini"))

    def _drawn(self, spec: PoolSpec) -> Drawings:
        return drawings(self.folder, spec, self.ledger)

    def _learn(self, stage: str) -> None:
        """Have PyTorch go through one of its stages, and take up its accounts.

        Raises:
            SystemExit: It was stopped, or failed; what it said stands above.
        """
        command: list[str | Path] = [
            self.torch,
            "-m",
            "scripts.mini.learn",
            stage,
            self.folder,
            "--device",
            self.device,
        ]
        self.ledger.tick("drawing", now=True)
        if self.plan is QUICK:
            command.append("--quick")
        code = subprocess.run(command, check=False).returncode
        if code:
            raise SystemExit(code)
        self.ledger = Ledger(self.folder / "spent.json")
