import os

from celery import Celery

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
