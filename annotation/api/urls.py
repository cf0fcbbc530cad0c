"""The ground floor's routes, by noun."""

from __future__ import annotations

from django.urls import path

from annotation.api import (
    clips,
    dictionary,
    edit_batches,
    edits,
    frames,
    grammar,
    guidelines,
    members,
    projects,
    streams,
    tasks,
    taxonomy,
    tokens,
    uploads,
    work,
)

urlpatterns = [
    path("token/", tokens.OwnToken.as_view(), name="api-token"),
    path("projects/", projects.Projects.as_view(), name="api-projects"),
    path("projects/<slug:slug>/", projects.OneProject.as_view(), name="api-project"),
    path("projects/<slug:slug>/taxonomy/", taxonomy.Taxonomy.as_view(), name="api-taxonomy"),
    path("projects/<slug:slug>/dictionary/", dictionary.Dictionary.as_view(), name="api-dictionary"),
    path("projects/<slug:slug>/grammar/", grammar.Grammar.as_view(), name="api-grammar"),
    path("projects/<slug:slug>/guidelines/", guidelines.Guidelines.as_view(), name="api-guidelines"),
    path("projects/<slug:slug>/members/", members.Members.as_view(), name="api-members"),
    path("projects/<slug:slug>/members/<str:username>/", members.OneMember.as_view(), name="api-member"),
    path("projects/<slug:slug>/clips/", clips.Clips.as_view(), name="api-clips"),
    path("projects/<slug:slug>/uploads/", uploads.Uploads.as_view(), name="api-uploads"),
    path("uploads/<uuid:pk>/", uploads.OneUpload.as_view(), name="api-upload"),
    path("clips/<int:pk>/", clips.OneClip.as_view(), name="api-clip"),
    path("clips/<int:pk>/times/", clips.ClipTimes.as_view(), name="api-clip-times"),
    path("clips/<int:pk>/source", clips.ClipSource.as_view(), name="api-clip-source"),
    path("clips/<int:pk>/frames/<int:frame>.jpg", frames.Frame.as_view(), name="api-frame"),
    path("clips/<int:pk>/frames/<int:frame>.png", frames.LosslessFrame.as_view(), name="api-lossless-frame"),
    path("clips/<int:pk>/stream/", streams.ClipStream.as_view(), name="api-clip-stream"),
    path("clips/<int:pk>/packets/", streams.ClipPackets.as_view(), name="api-clip-packets"),
    path("projects/<slug:slug>/tasks/", tasks.Tasks.as_view(), name="api-tasks"),
    path(
        "projects/<slug:slug>/tasks/next/",
        tasks.NextTask.as_view(),
        name="api-next-task",
    ),
    path("tasks/<int:pk>/", tasks.OneTask.as_view(), name="api-task"),
    path("tasks/<int:pk>/claim/", tasks.Claim.as_view(), name="api-task-claim"),
    path("tasks/<int:pk>/lease/", tasks.Lease.as_view(), name="api-task-lease"),
    path("tasks/<int:pk>/submit/", tasks.Submit.as_view(), name="api-task-submit"),
    path("tasks/<int:pk>/release/", tasks.Release.as_view(), name="api-task-release"),
    path("tasks/<int:pk>/second/", tasks.SecondOpinion.as_view(), name="api-task-second"),
    path("tasks/<int:pk>/remarks/", tasks.Remarks.as_view(), name="api-task-remarks"),
    path("tasks/<int:pk>/work/", work.TaskWork.as_view(), name="api-task-work"),
    path(
        "tasks/<int:pk>/proposals/",
        work.TaskProposals.as_view(),
        name="api-task-proposals",
    ),
    path(
        "tasks/<int:pk>/proposals/masks/",
        work.TaskProposalMasks.as_view(),
        name="api-task-proposal-masks",
    ),
    path("tasks/<int:pk>/decisions/", work.Decisions.as_view(), name="api-task-decisions"),
    path("tasks/<int:pk>/edits/", edit_batches.Edits.as_view(), name="api-task-edits"),
    path("tasks/<int:pk>/tracks/<uuid:id>/", edits.OneTrack.as_view(), name="api-track"),
    path("tasks/<int:pk>/masks/<uuid:id>/", edits.OneMask.as_view(), name="api-mask"),
    path(
        "tasks/<int:pk>/segments/<uuid:id>/",
        edits.OneSegment.as_view(),
        name="api-segment",
    ),
]
