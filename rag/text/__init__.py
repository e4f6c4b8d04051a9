"""Text as such: words and tokens, numerals, headings and numbering.

In: a string. Out: tokens, numbers, marks with their rank. Nothing here knows documents, models or an index.
"""
