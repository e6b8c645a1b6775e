"""All addresses. Apps bring their own; channel folders with screens are found by the registry."""

from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.account.urls")),
]
