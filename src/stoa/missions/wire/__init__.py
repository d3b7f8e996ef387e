"""Requests and responses of the missions kind."""
