"""The models: what the engine asks of a family, and a room for each that answers. Only those rooms know mflux."""
