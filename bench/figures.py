"""All figures, in the order of the table."""

from __future__ import annotations

from bench import activity_stats, collisions, expansion, free_busy, hostile, keepalives

FIGURES = (
    *keepalives.FIGURES,
    *expansion.FIGURES,
    *collisions.FIGURES,
    *free_busy.FIGURES,
    *activity_stats.FIGURES,
    *hostile.FIGURES,
)
