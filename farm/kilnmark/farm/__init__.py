"""Many machines behind one queue: a broker carries work to nodes, whose daemons paint it, and results back.

A node is a client of its daemon's socket like any other; a submitter needs no daemon. Neither knows the engine.
"""
