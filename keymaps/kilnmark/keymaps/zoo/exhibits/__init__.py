"""Which files the zoo has, a theme a module: what is in each, who writes it, and where that is known from.

Modules here are lists. A new theme is a new module and a line in `zoo.py`.
"""
