import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running_worker(project):
    """Run a real worker from when it is ready, and end it. The value is its log."""
    with tempfile.NamedTemporaryFile() as output:
        log = Path(output.name)
        # Without a pool of processes and a look around for other workers, it starts
        # and stops quicker.
        process = subprocess.Popen(
            [sys.executable, '-m', 'celery', '-A', 'myproject', 'worker']
            + ['--loglevel=info', '--pool=solo', '--without-mingle'],
            cwd=project,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + 30
            while ' ready.' not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.02)
            yield log
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
