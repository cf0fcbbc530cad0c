"""Prompt engines: one per file, each registers itself and names the module that does the work."""
