"""What every request passes: its language, who sends it, their role, limits and queue, and how pages are rendered.

In: a request. Out: a `Visible`, the collection as they may see it, or a problem.
"""
