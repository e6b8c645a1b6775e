"""The demo's shop."""

from django.urls import path

from comptoir.demo import views

app_name = "demo"
urlpatterns = [
    path("", views.shop, name="shop"),
    path("write", views.write, name="write"),
]
