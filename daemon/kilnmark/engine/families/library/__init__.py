"""What families made of mflux's classes have in common: how one is loaded and put together, and how it paints.

No family is known here. Each has a room of its own, which says what is mflux's for it and what is its own.
"""
