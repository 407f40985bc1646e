"""How each part is trained, in stages that can be stopped at any moment and gone on with."""
