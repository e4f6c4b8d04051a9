"""Asking a test set and measuring what came back.

In: a set and a service. Out: `Evaluation`, and the `Comparison` of two.
"""
