"""The addresses of the API, of its description and of its settings pages."""

from django.urls import include, path

from comptoir.api import rest, views

urlpatterns = [
    path("api/v1/docs", views.docs, name="api_docs"),
    path("api/v1/", include((rest.urls(), "api"))),
    path("settings/api/", views.settings_page, name="api_settings"),
    path("settings/api/tokens/", views.tokens, name="api_tokens"),
    path("settings/api/tokens/<int:token_id>/revocation/", views.token_revocation, name="api_token_revocation"),
    path("settings/api/webhooks/", views.webhook_list, name="api_webhooks"),
    path("settings/api/webhooks/<int:webhook_id>/", views.webhook_page, name="api_webhook"),
    path("settings/api/webhooks/<int:webhook_id>/deletion/", views.webhook_deletion, name="api_webhook_deletion"),
    path("settings/api/calls/<int:call_id>/replay/", views.call_replay, name="api_call_replay"),
]
