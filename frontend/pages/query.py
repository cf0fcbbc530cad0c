"""SQL over the metadata of a project's clips."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render

from enrichment import metadata_sql
from enrichment.errors import QueryRefused
from enrichment.metadata_schema import CLIP_COLUMNS, COLUMNS, EXAMPLES
from frontend.access import PageRequest, Role, enter
from frontend.templatetags.loupe import is_number


@login_required
def query(request: PageRequest, slug: str) -> HttpResponse:
    """The query is part of the address, so that it can be kept and passed on."""
    place = enter(request, slug, Role.QA_LEAD)
    sql = request.GET.get("sql", "").strip()
    shown: dict[str, object] = {"place": place, "here": "clips", "sql": sql, "examples": EXAMPLES}
    shown["tables"] = {"frames": COLUMNS, "clips": CLIP_COLUMNS}
    if sql:
        try:
            answer = metadata_sql.query(project=place.project, sql=sql)
            shown["answer"] = answer
            columns = zip(answer.columns, zip(*answer.rows, strict=True), strict=False)
            shown["numbers"] = {name for name, values in columns if any(is_number(value) for value in values)}
        except QueryRefused as error:
            shown["refusal"] = str(error)
    return render(request, "clips/query.html", shown)
