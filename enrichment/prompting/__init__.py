"""Masks from boxes and clicks: what an engine must do, which there are, and what is kept of each frame."""
