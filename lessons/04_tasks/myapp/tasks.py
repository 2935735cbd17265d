import time

from celery import shared_task


@shared_task
def add(x, y, seconds=10):
    """Add two numbers. The wait stands for real work."""
    time.sleep(seconds)
    return x + y
