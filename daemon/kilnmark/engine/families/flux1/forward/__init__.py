"""The engine's own forward pass of FLUX.1: the formulas of Black Forest Labs' model, over mflux's modules and weights.

Products are in the type that the base computes in, and what lies between two of them is in float32 and rounded once:
the residual stream, rotary embedding, modulation, norms, activations, and the sum of what a layer and its stack give.
"""
