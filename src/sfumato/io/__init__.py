"""Bytes in, bytes out: the only floor that knows files, pixels of 0..255 and image formats."""
