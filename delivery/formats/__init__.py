"""Export formats, a file each. A new one registers itself (registry.py) and nothing else is edited."""
