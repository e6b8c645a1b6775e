"""The addresses of the API and of its settings pages."""

from django.urls import include, path

from comptoir.api import rest

urlpatterns = [
    path("api/v1/", include((rest.urls(), "api"))),
]
