"""Every command of `yuanwen`.

In: arguments. Out: lines on the terminal and an exit code. Nothing imports this but the entry point.
"""

from rag.cli.commands import app, main

__all__ = ["app", "main"]
