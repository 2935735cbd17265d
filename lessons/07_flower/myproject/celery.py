import os

from celery import Celery
from celery.signals import celeryd_init

# The `celery` command starts here, without manage.py: tell it where the settings are.
os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'myproject.settings')

app = Celery('myproject')

# Celery's settings are the ones in settings.py whose names start with CELERY_.
app.config_from_object('django.conf:settings', namespace='CELERY')

# Find tasks in the tasks.py of every application in INSTALLED_APPS.
app.autodiscover_tasks()


@app.task(bind=True)
def debug_task(self):
    print(f'Request: {self.request!r}')


# A setting would make the web server wait as well, for ever if need be.
@celeryd_init.connect
def keep_results(conf, **kwargs):
    """Let workers, and only workers, try until the result store is back."""
    conf.result_backend_always_retry = True
