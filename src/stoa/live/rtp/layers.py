"""Which simulcast layer each viewer gets of each picture that it watches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_CAREFUL = 0.85
"""Share of the bandwidth that a step up may fill: one that has to be taken back costs a key frame each way."""


@dataclass(frozen=True, slots=True)
class Demand:
    """``bitrates`` are those of the layers that come now, lowest first; ``most`` is the highest that the viewer's tile
    needs, as an index into them.
    """

    id: str
    bitrates: tuple[float, ...]
    most: int


def allocate(available: float, demands: Sequence[Demand], current: Mapping[str, int]) -> dict[str, int]:
    """The layer of each demand. Everybody gets the lowest; what is left lifts them in turn, as far as it goes."""
    chosen = {demand.id: 0 for demand in demands if demand.bitrates}
    spent = sum(demand.bitrates[0] for demand in demands if demand.bitrates)
    highest = max((len(demand.bitrates) for demand in demands), default=0)
    for layer in range(1, highest):
        for demand in demands:
            if layer >= len(demand.bitrates) or layer > demand.most or chosen[demand.id] != layer - 1:
                continue
            more = demand.bitrates[layer] - demand.bitrates[layer - 1]
            limit = available if current.get(demand.id, 0) >= layer else available * _CAREFUL
            if spent + more <= limit:
                chosen[demand.id] = layer
                spent += more
    return chosen
