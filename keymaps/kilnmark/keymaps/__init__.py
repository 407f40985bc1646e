"""Adapter files, read into what they would change: safe bytes, key names, matrices, and the counts that prove it.

Only numpy, safetensors, PyYAML and pydantic are used here, and nothing else of ours but the report types of protocol,
so the room works on any machine, without a base and without a daemon.

    roots       which path is meant, and whether it may be read
    header      the header of a safetensors file, checked
    dtypes      stored numbers to float32
    safefile    one file, opened once, read once, unchanged meanwhile
    shapes      a model's true linear layers
    convention  YAML to rules; which convention explains a file
    sorting     a file's keys into layers, ignored and unmatched
    alpha       the multiplier of an update
    kinds       matrices to updates
    adapter     all of it: a path to an `Adapter`
    engagement  an `Adapter` to evidence and report
    write       adapters made to measure
"""
