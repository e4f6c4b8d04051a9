"""The store: the catalog is the one truth, everything else is derived from it and carries its generation.

In: records with their passages, tokens and vectors, committed in transactions. Out: a `Snapshot`, one generation in memory
that search reads; and backups. Files of earlier formats are brought up to date by name (`migrations`).
"""
