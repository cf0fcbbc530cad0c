"""Addresses of the pages. The REST API has its own."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from frontend.pages import (
    account,
    calls,
    checks,
    clips,
    deliveries,
    engines,
    flags,
    grammar,
    health,
    home,
    palette,
    plots,
    projects,
    query,
    reviews,
    runs,
    settings,
    similar,
    tasks,
    timelines,
    uploads,
    versions,
    workbench,
)

_PROJECT = "projects/<slug:slug>/"

urlpatterns = [
    path("", home.home, name="home"),
    path(
        "login/", LoginView.as_view(template_name="account/login.html", redirect_authenticated_user=True), name="login"
    ),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("account/", account.account, name="account"),
    path("account/token/", account.token, name="token"),
    path("palette/", palette.palette, name="palette"),
    path("projects/", projects.projects_page, name="projects"),
    path(_PROJECT, projects.project, name="project"),
    path(f"{_PROJECT}clips/", clips.clips, name="clips"),
    path(f"{_PROJECT}clips/query/", query.query, name="query"),
    path("clips/<int:pk>/", clips.clip, name="clip"),
    path("clips/<int:pk>/versions/<slug:layer>/", versions.compare, name="compare-versions"),
    path("versions/<int:pk>/current/", versions.make_current, name="make-current"),
    path(f"{_PROJECT}enrich/", clips.enrich, name="enrich"),
    path(f"{_PROJECT}similar/", similar.similar, name="similar"),
    path(f"{_PROJECT}uploads/", uploads.uploads, name="uploads"),
    path(f"{_PROJECT}runs/", runs.runs, name="runs"),
    path("runs/<int:pk>/", runs.run, name="run"),
    path(f"{_PROJECT}versions/", versions.versions, name="versions"),
    path(f"{_PROJECT}runs/health/", health.health, name="health"),
    path(f"{_PROJECT}runs/calls/", calls.calls, name="calls"),
    path(f"{_PROJECT}runs/health/webhook/", health.webhook, name="webhook"),
    path(f"{_PROJECT}tasks/", tasks.tasks_page, name="tasks"),
    path("tasks/<int:pk>/", workbench.workbench, name="workbench"),
    path(f"{_PROJECT}tasks/next/", tasks.take_next, name="next-task"),
    path(f"{_PROJECT}tasks/<int:pk>/second/", tasks.ask_second, name="ask-second"),
    path(f"{_PROJECT}flags/", flags.flags_page, name="flags"),
    path(f"{_PROJECT}flags/checks/", checks.checks_page, name="checks"),
    path(f"{_PROJECT}flags/<int:pk>/", flags.flag, name="flag"),
    path(f"{_PROJECT}flags/<int:pk>/interpolate/", flags.interpolate, name="flag-interpolate"),
    path(f"{_PROJECT}reviews/<int:pk>/", reviews.review, name="review"),
    path(f"{_PROJECT}reviews/<int:pk>/masks/<int:frame>.png", reviews.masks, name="review-masks"),
    path(f"{_PROJECT}reviews/<int:pk>/timelines/", timelines.timelines_page, name="timelines"),
    path(f"{_PROJECT}deliveries/", deliveries.deliveries_page, name="deliveries"),
    path("deliveries/<int:pk>/", deliveries.delivery, name="delivery"),
    path("deliveries/<int:pk>/again/", deliveries.once_more, name="delivery-again"),
    path(f"{_PROJECT}plots/<slug:name>.svg", plots.plot, name="plot"),
    path(f"{_PROJECT}settings/", settings.settings, name="settings"),
    path(f"{_PROJECT}settings/engines/", engines.engines, name="engines"),
    path(f"{_PROJECT}settings/people/", settings.people, name="people"),
    path(f"{_PROJECT}settings/taxonomy/", settings.taxonomy_page, name="taxonomy"),
    path(f"{_PROJECT}settings/grammar/", grammar.grammar_page, name="grammar"),
    path(f"{_PROJECT}settings/guidelines/", settings.guidelines_page, name="guidelines"),
    path(f"{_PROJECT}settings/guidelines/preview/", settings.preview, name="preview"),
]
