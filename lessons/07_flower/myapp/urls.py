from django.urls import path

from . import views

urlpatterns = [
    path('', views.index, name='index'),
    path('add/', views.add_view, name='add'),
    path('tasks/<uuid:task_id>/', views.task_status, name='task_status'),
]
