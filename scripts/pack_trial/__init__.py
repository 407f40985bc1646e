"""One session of a person with a pack, from its first file to published pictures, with a real daemon and real commands.

`make pack-trial` runs it. Nothing of it is in the product.
"""
