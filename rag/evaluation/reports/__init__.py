"""What is written of an evaluation: one self-contained page, tables, files that can be read back.

In: an `Evaluation`. Out: files.
"""
