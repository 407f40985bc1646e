"""Adapter files, read into what they would change: safe bytes, key names, matrices, and the counts that prove it.

Only numpy, safetensors, PyYAML and pydantic are used here, and nothing else of ours but the report types of protocol,
so the room works on any machine, without a base and without a daemon.

    errors      why a file is not taken
    roots       which path is meant, and whether it may be read
    header_text the text of a header, cut into small pieces
    identity    which file is the same file as before
    header      the header of a safetensors file, checked
    widths      the dtypes there are
    dtypes      stored numbers to float32
    safefile    one file, opened once, read once, unchanged meanwhile
    shapes      a model's true linear layers
    schema      the YAML documents: conventions and tables of module names
    convention  what a key means; which convention explains a file
    sorting     a file's keys into modules, ignored, refused and unmatched
    alpha       the multiplier of an update
    parts       which matrices an update of each kind is made of
    outline     the counts of a file, from its header alone
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
    metadata    what trainers say of a file's making
    inspection  a file without a base: the document that people and programs read

    remap_goal     what a remap can write, and for which reader
    remap_bits     matrices as they are stored, bit for bit
    remap_pieces   a file of pairs, cut into one piece a target
    remap_modules  pieces joined into the modules of another convention
    remap_file     tensors into a file that is there whole or not at all
    remap          all of it: an adapter file written again in another convention

    write       adapters made to measure
    recipes     whose names, and which matrices, a made-up file has
    flaws       what goes wrong with adapter files
    zoo         adapters in every convention and with every defect
"""
