"""Oracles: what search promises, worked out a second time in plain Python and numpy, and compared.

They import none of the code they judge, neither its functions nor its constants: only records (Document, Passage, Hit),
the service's public methods and the toy embedder. A figure that stands here stands here on purpose: change it in both places.
"""
