"""A farm of modelled nodes under the placement that real ones go by, held against perfect packing."""
