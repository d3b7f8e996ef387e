"""The missions kind over HTTP."""
