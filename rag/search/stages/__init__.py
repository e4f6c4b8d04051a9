"""The stages of the search, a file each, with its score's name, its setting and what it is called for people.

In: a `Snapshot` and a `Query`. Out: scores of passages, and the order that follows from them. `STAGES` is what the
explanations, the JSON and the documentation take them from.
"""

from rag.search.stages import dense, exact, fusion, lexical, reading, rerank

STAGES = (exact.STAGE, lexical.STAGE, dense.STAGE, fusion.STAGE, rerank.STAGE, reading.STAGE)  # in the order of a query
SCORES = {name: label for stage in STAGES for name, label in stage.scores.items()}  # in the order of `Hit.stages`
