"""Adapter files, read into what they would change: safe bytes, key names, matrices, and the counts that prove it.

Only numpy, safetensors, PyYAML and pydantic are used here, and nothing else of ours but the report types of protocol,
so the room works on any machine, without a base and without a daemon.

    files       bytes: which file is meant, whether it is safe, and what stands in it
    names       key names: what each stands for, in which convention, on which layers of which model
    said        what a file says of itself outside its tensors: strength, making, base
    updates     matrices: what the tensors of a module come to on its targets
    adapter     all of it: a path to an `Adapter`
    outline     the counts of a file, from its header alone
    documents   YAML that ships beside the code, checked field by field
    engagement  an `Adapter` to evidence and report
    proportion  how large its updates are beside the weights that they change
    inspection  a file without a base: the document that people and programs read
    errors      why a file is not taken

    nearest     what unknown names are most like
    filereport  what can be told of a file to strangers
    foreign     what files are that are not for a model of ours
    remap       an adapter file written again in another convention
    pictures    pictures that others start from, read and decoded
    zoo         adapters in every convention and with every defect, made to measure
"""
