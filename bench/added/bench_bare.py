"""The same project with Celery's defaults: none of the lesson's CELERY_ settings.

The broker and the result store come from the environment.
"""

from bench_lesson import *  # noqa: F403

for name in [name for name in globals() if name.startswith("CELERY_")]:
    del globals()[name]
