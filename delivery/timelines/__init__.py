"""Readers of action segments that were labelled elsewhere, one file format a module."""
