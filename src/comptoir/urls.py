"""All addresses. Apps bring their own; channel folders with screens are found by the registry."""

from django.urls import include, path

from comptoir.channels.registry import channels

urlpatterns = [
    path("accounts/", include("allauth.account.urls")),
]

# The public screens of channel folders: /c/webform/…, /c/webchat/…
urlpatterns += [path(f"c/{kind}/", include(channel.urls)) for kind, channel in channels().items() if channel.urls]
