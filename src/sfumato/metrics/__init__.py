"""Metrics: plain functions of features or images. Nothing here knows that models exist."""
