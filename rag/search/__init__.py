"""From a question to an answer: reading it, scoring, fusing, reranking, deciding, composing.

In: a question and a `Snapshot`. Out: ranked hits, and an `Answer` of exact excerpts or a refusal.
"""
