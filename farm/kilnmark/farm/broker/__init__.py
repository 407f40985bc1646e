"""The broker: a process of its own, its streams and buckets, and who may do what there."""
