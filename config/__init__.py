# Loaded with Django, so that jobs bind to this application in the web process too.
from config.celery import app as celery_app

__all__ = ["celery_app"]
