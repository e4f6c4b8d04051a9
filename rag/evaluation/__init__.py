"""Evaluation on the path that is served: `sets` → `measures` → `reports` → `desk`, each importing only what comes before it.

In: test sets as people keep them, and a service. Out: figures, comparisons, a report, and a verdict before publishing.
"""
