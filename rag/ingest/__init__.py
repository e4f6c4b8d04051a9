"""From bytes to the catalog: loading, cleaning, chunking, preparing, one step after the other.

In: files, uploads or documents. Out: committed documents with their passages and vectors, the derived files written, and a
line of the report for each file, with what was removed and why, or the reason why it could not be read.
"""
