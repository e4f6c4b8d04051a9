"""The store: the catalog is the one truth, everything else is derived from it and carries its generation.

In: records with their passages and vectors. Out: a `Snapshot`, one generation in memory that search reads.
"""
