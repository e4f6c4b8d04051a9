"""Evaluation on the path that is served: test sets in, measures, comparison and one self-contained report out.

`sets` (records, and every format they are read from) → `measures` (asking, scoring, comparing, tuning) → `reports` (page,
tables, files that can be read back) → `desk` (orders from beginning to report, sets and runs kept with an index, the gate
before publishing, questions drafted and taken in). Each imports only what comes before it.
"""
