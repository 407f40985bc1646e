"""FLUX.2-klein, by mflux's own classes: its transformer with Qwen3, whole, or as a standin."""

from kilnmark.engine.families.flux2.loading import load

__all__ = ["load"]
