"""From a question to an answer: `Query → Candidates → Ranking → Evidence → Answer`, a record and a module a station.

In: a `SearchRequest`, a `Snapshot` and the `Sources` of its generation. Out: ranked hits or documents, and an `Answer`
of exact excerpts or a refusal. Each station reads the record before it and none is changed later.
"""
