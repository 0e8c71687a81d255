"""Algorithms that work on pictures without learning weights; one file each."""
