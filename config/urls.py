"""The addresses of the site: the admin, the API, its documents, health."""

from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("admin/", admin.site.urls),
]
