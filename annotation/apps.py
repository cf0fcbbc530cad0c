"""The ground floor: projects, clips, tasks, masks, segments, proposals and their history."""

from django.apps import AppConfig


class AnnotationConfig(AppConfig):
    name = "annotation"
