"""Carrying a mask to other frames: the contract (carrier.py), engines by name (registry.py), frames both ways.

The engines themselves lie in enrichment/carriers/, one per file.
"""
