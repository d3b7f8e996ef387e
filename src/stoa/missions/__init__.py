"""Missions: exercises with teams on a shared tree of nodes, played live and reviewed afterwards."""
