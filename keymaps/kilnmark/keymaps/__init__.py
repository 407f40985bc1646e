"""Adapter files, read into what they would change: safe bytes, key names, matrices, and the counts that prove it.

Only numpy, safetensors, PyYAML and pydantic are used here, and nothing else of ours but the report types of protocol,
so the room works on any machine, without a base and without a daemon.

    roots       which path is meant, and whether it may be read
    header      the header of a safetensors file, checked
    dtypes      stored numbers to float32
    safefile    one file, opened once, read once, unchanged meanwhile
    shapes      a model's true linear layers
    schema      the YAML documents: conventions and tables of module names
    convention  what a key means; which convention explains a file
    sorting     a file's keys into modules, ignored, refused and unmatched
    alpha       the multiplier of an update
    parts       which matrices an update of each kind is made of
    fit         sizes against a model's, and whose they are if not
    fused       rows of fused modules
    norms       how large an update is, and whether it is finite
    update      what is added to one target
    loha        LoHa's factors, each target's rows of them
    lokr        LoKr's factors, each target's rows of them
    dora        DoRA's magnitudes, each target's rows of them
    biases      changes of biases
    full        whole changes of weights
    norm_scales scales of norms
    kinds       matrices to updates
    adapter     all of it: a path to an `Adapter`
    engagement  an `Adapter` to evidence and report
    write       adapters made to measure
    zoo         adapters in every convention and with every defect
"""
