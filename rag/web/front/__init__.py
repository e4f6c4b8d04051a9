"""What every request passes: who asks, their role, limits, queue, and their reading of the collection.

In: a request. Out: a `Reading` that shows what they may see, or a problem.
"""
