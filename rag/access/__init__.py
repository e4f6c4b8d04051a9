"""Who is asking, what they may do, and what they may see; no web framework in here."""
