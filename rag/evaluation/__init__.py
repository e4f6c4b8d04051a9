"""Evaluation on the path that is served: test sets in, measures, comparison and one self-contained report out.

`records` → `rows`, `testset`, `beir`, `trec`, `excel` (reading) → `runner` (asking) → `ranking`, `spans`, `honesty`
(measuring) → `evaluate` → `comparison`, `exports`, `saved`, `report` → `ordering` (one evaluation, from order to report)
→ `desk` (test sets and runs kept with an index), `history`, `gate`, `publishing` (nothing worse goes out);
`drafting`, `receiving`, `accepting` bring questions in; `commands` holds the command line's `eval` and `tune`.
"""
