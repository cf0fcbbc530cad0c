"""The demo project: three clips of our own scene, one in each stage of the walk."""

from frontend.demo.project import LOGINS, PASSWORD, SLUG, make

__all__ = ["LOGINS", "PASSWORD", "SLUG", "make"]
