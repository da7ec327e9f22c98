"""Rulebook documents: what is refused, and what a document says of itself."""
