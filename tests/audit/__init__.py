"""Answers about accounts, as a caller of the library gets them."""
