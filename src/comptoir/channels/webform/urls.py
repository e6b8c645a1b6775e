"""The public addresses of the form."""

from django.urls import path

from comptoir.channels.webform import views

app_name = "webform"
urlpatterns = [
    path("<str:key>/", views.form, name="form"),
    path("<str:key>/sent/<str:reference>/", views.sent, name="sent"),
]
