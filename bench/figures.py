"""All figures, in the order of the table."""

from __future__ import annotations

from bench import (
    activity_stats,
    candles,
    classes,
    collisions,
    exercise,
    expansion,
    fanout,
    free_busy,
    hostile,
    keepalives,
    live,
    media,
    replays,
    trading,
    watched,
)

FIGURES = (
    *keepalives.FIGURES,
    *expansion.FIGURES,
    *collisions.FIGURES,
    *free_busy.FIGURES,
    *activity_stats.FIGURES,
    *hostile.FIGURES,
    *exercise.FIGURES,
    *fanout.FIGURES,
    *candles.FIGURES,
    *trading.FIGURES,
    *replays.FIGURES,
    *media.FIGURES,
    *watched.FIGURES,
    *live.FIGURES,
    *classes.FIGURES,
)
