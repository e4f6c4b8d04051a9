"""Where people evaluate: orders carried out, sets and runs kept with an index, the gate before publishing.

In: an order or an upload. Out: a kept run, a verdict, or questions drafted and taken in.
"""
