"""FLUX.3-klein, by mflux's own classes: its transformer with the text tower of Qwen3-VL, whole, or as a standin."""

from kilnmark.engine.families.flux3.loading import load

__all__ = ["load"]
