"""Test sets: BEIR and TREC folders, gold lines, workbooks.

In: files as people keep them. Out: `TestSet` and `Collection` records, and a `Problem` for each line that was left out.
"""
