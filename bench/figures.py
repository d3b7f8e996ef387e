"""All figures, in the order of the table."""

from __future__ import annotations

from bench import keepalives

FIGURES = (*keepalives.FIGURES,)
