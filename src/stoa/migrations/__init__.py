"""The schema's history, for Alembic. Nothing imports it."""
