"""Krea 2, by mflux's own classes: its transformer with the text tower of Qwen3-VL, whole, or as a standin."""

from kilnmark.engine.families.krea2.loading import load

__all__ = ["load"]
