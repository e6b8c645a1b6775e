"""The public addresses of the chat. `poll` is answered by live.py where the ASGI application runs."""

from django.urls import path

from comptoir.channels.webchat import views

app_name = "webchat"
urlpatterns = [
    path("<str:key>/", views.frame, name="frame"),
    path("<str:key>/session", views.session, name="session"),
    path("<str:key>/messages", views.messages, name="messages"),
    path("<str:key>/contact", views.contact, name="contact"),
    path("<str:key>/history", views.history, name="history"),
    path("<str:key>/poll", views.poll, name="poll"),
]
