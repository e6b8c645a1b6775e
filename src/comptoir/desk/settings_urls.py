"""The addresses of the settings area: people, teams, security, audit; and of a person's own sessions and invitation."""

from django.urls import path

from comptoir.desk.views import audit, joining, people, security, sessions, settings, teams

urlpatterns = [
    path("settings/", settings.index, name="settings"),
    path("settings/people/", people.people, name="people"),
    path("settings/people/invitations/", people.invitations, name="invitations"),
    path("settings/people/invitations/<int:invitation_id>/renewal/", people.renewal, name="invitation_renewal"),
    path(
        "settings/people/invitations/<int:invitation_id>/withdrawal/", people.withdrawal, name="invitation_withdrawal"
    ),
    path("settings/people/<int:person_id>/", people.person_page, name="person"),
    path("settings/people/<int:person_id>/place/", people.place, name="person_place"),
    path("settings/people/<int:person_id>/closure/", people.closure, name="person_closure"),
    path("settings/people/<int:person_id>/reopening/", people.reopening, name="person_reopening"),
    path("settings/people/<int:person_id>/sign-out/", people.sign_out, name="person_sign_out"),
    path("settings/people/<int:person_id>/second-factor-removal/", people.factor_removal, name="person_factor_removal"),
    path("settings/teams/", teams.teams, name="teams"),
    path("settings/teams/<int:team_id>/", teams.team, name="team"),
    path("settings/teams/<int:team_id>/members/", teams.members, name="team_members"),
    path("settings/teams/<int:team_id>/inboxes/", teams.inboxes, name="team_inboxes"),
    path("settings/teams/<int:team_id>/deletion/", teams.deletion, name="team_deletion"),
    path("settings/security/", security.security, name="security"),
    path("settings/security/sign-on/", security.sign_on_page, name="sign_on_settings"),
    path("settings/audit/", audit.audit, name="audit"),
    path("settings/audit/export/", audit.export, name="audit_export"),
    path("me/sessions/", sessions.sessions, name="sessions"),
    path("me/sessions/<int:session_id>/ending/", sessions.ending, name="session_ending"),
    path("me/sessions/endings/", sessions.endings, name="session_endings"),
    path("invitations/<str:token>/", joining.join, name="invitation"),
]
