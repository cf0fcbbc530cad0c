"""Routes of machine work, by noun."""

from __future__ import annotations

from django.urls import path

from enrichment.api import drift, layers, prompts, propagations, runs, signals, versions

urlpatterns = [
    path("layers/", layers.Layers.as_view(), name="api-layers"),
    path("projects/<slug:slug>/runs/", runs.Runs.as_view(), name="api-runs"),
    path("runs/<int:pk>/", runs.OneRun.as_view(), name="api-run"),
    path("clips/<int:pk>/layers/", layers.ClipLayers.as_view(), name="api-clip-layers"),
    path("clips/<int:pk>/versions/<slug:layer>/", versions.Versions.as_view(), name="api-versions"),
    path("versions/<int:pk>/current/", versions.MakeCurrent.as_view(), name="api-version-current"),
    path("versions/<int:pk>/frames/<int:frame>/", versions.Words.as_view(), name="api-version-words"),
    path("versions/<int:pk>/frames/<int:frame>.png", versions.Picture.as_view(), name="api-version-picture"),
    path("clips/<int:pk>/signals/", signals.ClipSignals.as_view(), name="api-signals"),
    path("clips/<int:pk>/signals/values/", signals.SignalValues.as_view(), name="api-signal-values"),
    path("clips/<int:pk>/flow/<int:frame>.png", layers.FlowPicture.as_view(), name="api-flow"),
    path("clips/<int:pk>/layers/<slug:name>/<int:frame>.png", layers.LayerPicture.as_view(), name="api-layer-picture"),
    path("tasks/<int:pk>/prompt/", prompts.TaskPrompt.as_view(), name="api-prompt"),
    path("tasks/<int:pk>/prompt/frame/", prompts.PromptFrame.as_view(), name="api-prompt-frame"),
    path("tasks/<int:pk>/propagations/", propagations.Propagations.as_view(), name="api-propagations"),
    path("propagations/<int:pk>/", propagations.OnePropagation.as_view(), name="api-propagation"),
    path("propagations/<int:pk>/cancel/", propagations.Cancel.as_view(), name="api-propagation-cancel"),
    path("propagations/<int:pk>/apply/", propagations.Apply.as_view(), name="api-propagation-apply"),
    path("tasks/<int:pk>/drift/", drift.TaskDrift.as_view(), name="api-drift"),
]
