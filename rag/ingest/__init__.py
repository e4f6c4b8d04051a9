"""From bytes to the catalog: loading, cleaning, chunking, preparing.

In: files, uploads or documents. Out: committed passages with their vectors, and a line of the report for each file.
"""
