"""The web: REST under /api/v1, the page at /, both through the same `rag.service`."""
