"""Checks across layers: each a file that registers itself, arrays in and findings out, no Django."""
