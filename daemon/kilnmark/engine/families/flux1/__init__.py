"""FLUX.1, by mflux's own classes: its transformer with CLIP and T5, whole, from a directory, or as the standin."""

from kilnmark.engine.families.flux1.loading import load

__all__ = ["load"]
