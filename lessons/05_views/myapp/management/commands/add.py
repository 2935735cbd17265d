from celery.exceptions import TimeoutError
from django.core.management.base import BaseCommand, CommandError

from myapp.tasks import add


class Command(BaseCommand):
    help = 'Has a worker add two numbers and waits for the result.'

    def add_arguments(self, parser):
        parser.add_argument('x', type=int)
        parser.add_argument('y', type=int)
        parser.add_argument('--timeout', type=float, default=60, help='seconds to wait')

    def handle(self, *args, **options):
        result = add.delay(options['x'], options['y'])
        self.stdout.write(f'Task {result.id} is queued.')
        try:
            total = result.get(timeout=options['timeout'])
        except TimeoutError:
            raise CommandError('No result yet. Is a worker running?')
        self.stdout.write(f'Result: {total}')
