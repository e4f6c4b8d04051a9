"""Yuanwen (原文): exact excerpts with checkable citations for questions about Chinese documents."""

__version__ = "0.1.0"
