"""Qwen-Image-2.1, by mflux's own classes: its transformer with the text tower of Qwen3-VL, whole, or as a standin."""

from kilnmark.engine.families.qwen_image.loading import load

__all__ = ["load"]
