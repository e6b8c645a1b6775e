"""The addresses of the desk that are everybody's: what a browser needs to install it."""

from django.urls import path

from comptoir.desk.views import pwa

urlpatterns = [
    path("manifest.webmanifest", pwa.manifest, name="manifest"),
    path("sw.js", pwa.worker, name="worker"),
    path("offline", pwa.offline, name="offline"),
]
