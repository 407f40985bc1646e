"""What is learnt by PyTorch: the VAE, the transformer and the adapters, with the names that mflux's classes give their
weights. It is the one part of the training that computes for hours; mlx is never imported here.
"""
