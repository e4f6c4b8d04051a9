"""Evaluation on the path that is served: test sets in, measures, comparison and one self-contained report out.

`records` → `testset`, `beir`, `excel` (reading) → `runner` (asking) → `ranking`, `spans`, `honesty` (measuring)
→ `figures` → `comparison`, `report`, `exports`; `commands` holds the command line's `eval` and `tune`.
"""
