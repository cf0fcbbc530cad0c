"""Lists by cursor: the next page costs the same at row 10 and at row 10 million."""

from rest_framework.pagination import CursorPagination


class ByCursor(CursorPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500
    ordering = "-id"
