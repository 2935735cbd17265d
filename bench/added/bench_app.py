"""A Celery app with what the settings say and nothing else: not the lesson's signals."""

from celery import Celery

app = Celery("bench")
app.config_from_object("django.conf:settings", namespace="CELERY")
