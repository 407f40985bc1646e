"""Adapters of `mini` with known truth, and how often the gate of the lab is wrong about them: `make lab-gate`.

They are trained here, in PyTorch, in the environment that trains `mini`; what is made of them, and the gate itself, run
as the product does.
"""
