"""The models: how each is loaded, run and asked for its layers. Only these rooms know mflux."""
