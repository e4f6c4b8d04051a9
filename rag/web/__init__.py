"""The web: REST under /api/v1, the page at /, both through the same `rag.service`.

In: HTTP requests. Out: JSON for programs; for people, templates filled in, in Chinese or English.
"""
