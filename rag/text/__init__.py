"""Text as such: words and tokens, numerals, headings and numbering, spans.

In: a string. Out: tokens, numbers, structural marks with their rank, sentence ends, spans (offsets in code points).
Nothing here knows documents' files, models or an index.
"""
