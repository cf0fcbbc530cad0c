"""Somebody in front of a browser, without the browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

Browse = Callable[[User], Client]


@pytest.fixture
def browse() -> Browse:
    """A logged-in client of a person."""

    def log_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return log_in


@contextmanager
def counted() -> Iterator[list[str]]:
    """The queries that a block makes; the list is filled when it ends."""
    said: list[str] = []
    with CaptureQueriesContext(connection) as caught:
        yield said
    said.extend(query["sql"] for query in caught.captured_queries)
