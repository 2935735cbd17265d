from django.contrib import admin, messages

from .models import Addition
from .tasks import BROKER_ERRORS


@admin.register(Addition)
class AdditionAdmin(admin.ModelAdmin):
    list_display = ['__str__', 'task_id', 'user', 'issued_at']
    readonly_fields = ['task_id', 'user', 'issued_at', 'x', 'y']
    actions = ['issue_again']

    def has_add_permission(self, request):
        return False

    @admin.action(description='Start the selected additions again', permissions=['change'])
    def issue_again(self, request, queryset):
        try:
            for addition in queryset:
                addition.issue_again()
        except BROKER_ERRORS:
            self.message_user(request, 'Not all could be queued.', messages.ERROR)
