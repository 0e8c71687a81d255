"""Watchers of a run: sample grids, averaged weights, health, the card."""
