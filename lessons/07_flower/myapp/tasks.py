import time

from celery import shared_task
from kombu.exceptions import OperationalError

# What .delay() raises when the broker or the result store cannot be reached.
BROKER_ERRORS = (OperationalError, RuntimeError)


@shared_task(max_retries=2, default_retry_delay=1)
def add(x, y, seconds=10):
    """Add two numbers. The wait stands for real work."""
    time.sleep(seconds)
    return x + y
