"""Pages for those who look after the collection: documents, gaps, audit, words, evaluation.

In: a `Visible` of an administrator. Out: HTML, and jobs that run behind it.
"""
