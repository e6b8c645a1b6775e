"""The addresses of a team's working rules: opening hours, rules, assignment, the team at this moment."""

from django.urls import path

from comptoir.desk.views import hours, rules, team

urlpatterns = [
    path("hours/", hours.hours, name="hours"),
    path("hours/<int:team_id>/", hours.hours, name="hours_of_team"),
    path("hours/<int:calendar_id>/removal/", hours.hours_removal, name="hours_removal"),
    path("hours/<int:calendar_id>/exceptions/", hours.exceptions, name="hours_exceptions"),
    path("hours/exceptions/<int:closure_id>/removal/", hours.exception_removal, name="hours_exception_removal"),
    path("rules/", rules.rules, name="rules"),
    path("rules/new/", rules.rule_new, name="rule_new"),
    path("rules/log/", rules.rule_log, name="rule_log"),
    path("rules/<int:rule_id>/", rules.rule_page, name="rule"),
    path("rules/<int:rule_id>/activation/", rules.rule_activation, name="rule_activation"),
    path("rules/<int:rule_id>/place/", rules.rule_place, name="rule_place"),
    path("rules/<int:rule_id>/removal/", rules.rule_removal, name="rule_removal"),
    path("rules/<int:rule_id>/trial/", rules.rule_trial, name="rule_trial"),
    path("team/", team.team_first, name="team_first"),
    path("team/<int:team_id>/", team.team_now, name="team_now"),
    path("team/<int:team_id>/work/", team.team_work, name="team_work"),
    path("team/<int:team_id>/people/<int:user_id>/", team.team_person, name="team_person"),
    path("team/<int:team_id>/shifts/", team.team_shifts, name="team_shifts"),
    path("me/presence/", team.presence, name="my_presence"),
]
