"""Numerics over masks, polygons, intervals and times: arrays in, arrays out, nothing of Django."""
