"""Layers: one file each, found by enrichment/registry.py."""
