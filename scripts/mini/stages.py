"""The stages of the training in order, each of which goes on from what lies in the folder."""

from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from scripts.mini.judge import shown
from scripts.mini.model import parts
from scripts.mini.model.directory import load_tokenizer, read_directory, write_directory
from scripts.mini.model.sizes import Sizes
from scripts.mini.model.tokens import write_tokenizer
from scripts.mini.painter import Painter
from scripts.mini.plan import Plan
from scripts.mini.train.autoencoder import decoded, encoded, peak_to_noise, train_autoencoder
from scripts.mini.train.classifier import Classifier, judge, train_classifier
from scripts.mini.train.flow import GUIDANCE, School, train_distilled, train_flow
from scripts.mini.train.language import Reader, train_encoder
from scripts.mini.train.latents import NOTHING, Lessons, lessons, understood
from scripts.mini.train.ledger import Ledger
from scripts.mini.train.pool import Drawings, PoolSpec, drawings

__all__ = ["Workshop"]

Told = dict[str, Any]
SLOW_STEPS = 12
"""Of the transformer before it is distilled."""


class Workshop:
    """The folder of one training, and what is in it already. Every stage tells what it found."""

    def __init__(self, folder: Path, plan: Plan, sizes: Sizes | None = None) -> None:
        self.folder, self.plan, self.sizes = folder, plan, sizes or Sizes()
        self.ledger = Ledger(folder / "spent.json")
        self.parts = parts.build(self.sizes)

    def draw(self) -> Told:
        """Draw for the classifier and the VAE."""
        specs = (self.plan.neutral, self.plan.styled, self.plan.large, self.plan.unseen, self.plan.unseen_styled)
        return {spec.name: len(self._drawn(spec).pictures) for spec in specs}

    def classifier(self) -> Told:
        """Train the classifier and judge it by drawings of combinations it never saw."""
        seen = [self._drawn(self.plan.neutral), self._drawn(self.plan.styled)]
        both = Drawings(np.concatenate([d.pictures for d in seen]), np.concatenate([d.labels for d in seen]))
        self.judge = train_classifier(both, self.folder, self.ledger, self.plan.classifier)
        unseen, styled = (judge(self.judge, self._drawn(s)) for s in (self.plan.unseen, self.plan.unseen_styled))
        return {"mean": unseen.mean, **asdict(unseen), "style": styled.by_attribute["style"]}

    judge: Classifier

    @cached_property
    def tokenizer(self) -> Any:
        """As mflux loads it."""
        write_tokenizer(self.folder / "tokenizer")
        return load_tokenizer(self.folder)

    def language(self) -> Told:
        """School the text encoder."""
        self.reader = train_encoder(
            self.parts.encoder, self.sizes.encoder, self.tokenizer, self.folder, self.ledger, self.plan.language
        )
        return {}

    reader: Reader

    def vae(self) -> Told:
        """Train the VAE; its loss on drawings it never saw is told in decibel."""
        pools = [self._drawn(spec).pictures for spec in (self.plan.neutral, self.plan.styled, self.plan.large)]
        train_autoencoder(self.parts.vae, [pools[0], *pools], self.folder, self.ledger, self.plan.vae)
        told = {}
        for spec in (self.plan.unseen, self.plan.unseen_styled):
            some = self._drawn(spec).pictures[:60]
            told[spec.name] = peak_to_noise(decoded(self.parts.vae, encoded(self.parts.vae, some)), some)
        return told

    @cached_property
    def school(self) -> School:
        """What the transformer learns from."""
        states, prompts = understood(self.reader, self.tokenizer, [NOTHING])
        nothing = Lessons(np.zeros((1, 1, 1), np.float16), states[None], prompts.lengths[None])
        return School(self._lessons(self.plan.latents), self._lessons(self.plan.latents_large), nothing)

    def latents(self) -> Told:
        """Draw and encode for the transformer."""
        school = self.school
        return {"small": len(school.small.latents), "large": len(school.large.latents)}

    def flow(self) -> Told:
        """Train the transformer."""
        train_flow(self.parts.transformer, self.school, self.folder, self.ledger, self.plan.flow)
        return {}

    def samples(self) -> Told:
        """Paint with the transformer before it learns to hurry, many steps and guided, and judge that."""
        painter = Painter(self.parts, self.tokenizer, SLOW_STEPS, GUIDANCE)
        return self._judged(painter, "slow", max(2, self.plan.judged // 4))

    def distil(self) -> Told:
        """Teach it to paint in four steps."""
        teacher = parts.transformer(self.sizes.transformer)
        teacher.update(self.parts.transformer.parameters())
        train_distilled(self.parts.transformer, teacher, self.school, self.folder, self.ledger, self.plan.distil)
        return {}

    def directory(self) -> Told:
        """Write the directory that mflux's classes load."""
        return {"bytes": write_directory(self.folder / "mini", self.parts, self.sizes)}

    def verdict(self) -> Told:
        """Paint held-out prompts with what the directory holds, in four steps, and judge that."""
        made, _ = read_directory(self.folder / "mini")
        return self._judged(Painter(made, load_tokenizer(self.folder / "mini")), "mini", self.plan.judged)

    def _judged(self, painter: Painter, name: str, count: int) -> Told:
        """Judge once; a second time it is read."""
        kept = self.folder / f"{name}.json"
        if not kept.exists():
            found = shown(painter, self.judge, count, self.folder / f"{name}.png")
            kept.write_bytes(msgspec.json.encode(found))
            self.ledger.tick("judging", now=True)
        told: Told = msgspec.json.decode(kept.read_bytes())
        return told

    def _drawn(self, spec: PoolSpec) -> Drawings:
        return drawings(self.folder, spec, self.ledger)

    def _lessons(self, spec: PoolSpec) -> Lessons:
        return lessons(self.folder, spec, self.parts.vae, self.reader, self.tokenizer, self.ledger)
