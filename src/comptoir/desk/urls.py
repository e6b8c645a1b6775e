"""The addresses of the desk. Verbs are resources: what changes something takes POST."""

from django.urls import path

from comptoir.desk.views import actions, channels, composer, contacts, conversation, files, intake, me, queue, search

urlpatterns = [
    path("", queue.queue, name="queue"),
    path("next/", queue.next_conversation, name="next"),
    path("conversations/batch/", queue.batch, name="batch"),
    path("conversations/<int:conversation_id>/", conversation.conversation, name="conversation"),
    path("conversations/<int:conversation_id>/timeline/", conversation.timeline, name="timeline"),
    path("conversations/<int:conversation_id>/messages/", composer.post_message, name="messages"),
    path("conversations/<int:conversation_id>/assignment/", actions.assignment, name="assignment"),
    path("conversations/<int:conversation_id>/state/", actions.state, name="state"),
    path("conversations/<int:conversation_id>/snooze/", actions.snooze, name="snooze"),
    path("conversations/<int:conversation_id>/priority/", actions.priority, name="priority"),
    path("conversations/<int:conversation_id>/merge/", actions.merge, name="merge"),
    path("conversations/<int:conversation_id>/merges/", actions.merges, name="merges"),
    path("conversations/<int:conversation_id>/moves/", actions.moves, name="moves"),
    path("conversations/<int:conversation_id>/splits/", actions.splits, name="splits"),
    path("placements/<int:placement_id>/undo/", actions.placement_undo, name="placement_undo"),
    path("messages/<int:message_id>/place/", actions.place, name="place"),
    path("messages/<int:message_id>/html/", files.message_html, name="message_html"),
    path("messages/<int:message_id>/original/", files.original, name="original"),
    path("messages/<int:message_id>/source/", files.source, name="source"),
    path("attachments/<int:attachment_id>/", files.attachment, name="attachment"),
    path("deliveries/<int:delivery_id>/cancellation/", composer.cancellation, name="cancellation"),
    path("deliveries/<int:delivery_id>/retry/", composer.retry, name="retry"),
    path("deliveries/<int:delivery_id>/confirmation/", composer.confirmation, name="confirmation"),
    path("search", search.search, name="search"),
    path("contacts/", contacts.contacts, name="contacts"),
    path("contacts/<int:contact_id>/", contacts.contact, name="contact"),
    path("contacts/<int:contact_id>/merges/", contacts.merges, name="contact_merges"),
    path("contacts/merges/<int:merge_id>/undo/", contacts.merge_undo, name="contact_merge_undo"),
    path("intake/", intake.intake, name="intake"),
    path("intake/<int:record_id>/", intake.record, name="record"),
    path("intake/replays/", intake.replays, name="replays"),
    path("channels/", channels.channels, name="channels"),
    path("channels/new/<slug:kind>/", channels.connect, name="channel_new"),
    path("channels/<int:account_id>/", channels.channel, name="channel"),
    path("channels/<int:account_id>/test/", channels.channel_test, name="channel_test"),
    path("me/", me.me, name="me"),
]
