"""REST under /api/v1, MCP, and the feedback that both page and programs send.

In: JSON or files. Out: the records of the service as JSON.
"""
