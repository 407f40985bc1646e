"""The kinds of updates, a module each. To add a kind is to add its module here, and its endings to `suffixes.yaml`.

Every module of this folder has one `KIND`; they are found by what stands in the folder.
"""
