"""All addresses. Apps bring their own; channel folders with screens are found by the registry."""

from django.contrib.auth.decorators import login_required
from django.urls import include, path
from django.views.generic import RedirectView

from comptoir.channels.registry import channels

urlpatterns = [
    path("", include("comptoir.desk.urls")),
    path("", include("comptoir.desk.routing_urls")),
    path("", include("comptoir.desk.listening_urls")),
    path("", include("comptoir.desk.public_urls")),
    path("", include("comptoir.desk.settings_urls")),
    path("accounts/", include("comptoir.accounts.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    # Addresses are given by administrators: a person's own page of them would let whoever borrows a session take over.
    path("accounts/email/", login_required(RedirectView.as_view(pattern_name="me")), name="account_email"),
    path("accounts/", include("allauth.account.urls")),
    path("", include("comptoir.api.urls")),
    path("demo/", include("comptoir.demo.urls")),
]

# The public screens of channel folders: /c/webform/…, /c/webchat/…
urlpatterns += [path(f"c/{kind}/", include(channel.urls)) for kind, channel in channels().items() if channel.urls]

handler400 = "comptoir.desk.errors.bad_request"
handler403 = "comptoir.desk.errors.forbidden"
handler404 = "comptoir.desk.errors.not_found"
handler500 = "comptoir.desk.errors.failed"
