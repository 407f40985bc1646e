"""`mini`: a FLUX.2-klein of small dimensions, from nothing to a directory that mflux's classes load.

Pictures are drawn by code, a classifier, an autoencoder and a transformer are trained on them, and what comes out is
judged. Nothing of the product imports this package.
"""
