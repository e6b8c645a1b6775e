"""The addresses of a team's working rules: opening hours, rules, assignment, the team at this moment."""

from django.urls import path

from comptoir.desk.views import hours

urlpatterns = [
    path("hours/", hours.hours, name="hours"),
    path("hours/<int:team_id>/", hours.hours, name="hours_of_team"),
    path("hours/<int:calendar_id>/removal/", hours.hours_removal, name="hours_removal"),
    path("hours/<int:calendar_id>/exceptions/", hours.exceptions, name="hours_exceptions"),
    path("hours/exceptions/<int:closure_id>/removal/", hours.exception_removal, name="hours_exception_removal"),
]
