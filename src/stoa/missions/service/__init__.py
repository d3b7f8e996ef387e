"""Use cases of the missions kind."""
