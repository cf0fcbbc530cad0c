"""Engines: one model family per file, numbers in and numbers out, no Django."""
