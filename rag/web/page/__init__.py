"""The page at /: turns, excerpts, the source view, the basket.

In: a question of a session. Out: HTML in which every text is encoded.
"""
