"""The headline figures, each measured against its peer in one run: ``python -m bench``."""
