"""Batches: the points of interest, portraits and creatures of a pack, painted into a folder that can be trusted.

A batch goes one way through these rooms: `sources` reads what is to be painted, `plan` decides everything about each
picture without a daemon, `run` paints what the `manifest` does not know yet, `page` shows what is there.
"""
