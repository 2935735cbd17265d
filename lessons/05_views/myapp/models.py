from django.conf import settings
from django.db import models

from .tasks import add


class Addition(models.Model):
    """An `add` task that was issued: under which id, for whom, when."""

    task_id = models.UUIDField(primary_key=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE
    )
    issued_at = models.DateTimeField(auto_now_add=True)
    x = models.BigIntegerField()
    y = models.BigIntegerField()

    class Meta:
        ordering = ['-issued_at']

    def __str__(self):
        return f'{self.x} + {self.y}'

    def issue_again(self):
        """Start the same task once more. It gets an id and a row of its own."""
        result = add.delay(self.x, self.y)
        return Addition.objects.create(
            task_id=result.id, user=self.user, x=self.x, y=self.y
        )
