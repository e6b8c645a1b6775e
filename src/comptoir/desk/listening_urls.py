"""The addresses of listening: the mentions, and the settings of searches and sources."""

from django.urls import path

from comptoir.desk.views import listening

urlpatterns = [
    path("listening/", listening.mentions, name="listening"),
    path("listening/<int:mention_id>/dismissal/", listening.dismissal, name="mention_dismissal"),
    path("listening/<int:mention_id>/conversation/", listening.conversation, name="mention_conversation"),
    path("listening/bursts/<int:burst_id>/dismissal/", listening.burst_dismissal, name="burst_dismissal"),
    path("settings/listening/", listening.settings, name="listening_settings"),
    path("settings/listening/new/", listening.search_new, name="listening_search_new"),
    path("settings/listening/<int:search_id>/", listening.search, name="listening_search"),
    path("settings/listening/<int:search_id>/deletion/", listening.search_deletion, name="listening_search_deletion"),
    path("settings/listening/sources/new/", listening.source_new, name="listening_source_new"),
    path("settings/listening/sources/<int:source_id>/", listening.source, name="listening_source"),
    path(
        "settings/listening/sources/<int:source_id>/deletion/",
        listening.source_deletion,
        name="listening_source_deletion",
    ),
]
