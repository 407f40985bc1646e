"""Pictures that were made before, and when one of them is the answer again."""
