"""Stoa: one self-hosted server for every kind of session a product runs."""

__version__ = "0.1.0"
