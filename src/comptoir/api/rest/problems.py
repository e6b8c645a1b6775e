"""Errors of the API: problem+json (RFC 9457) with a sentence that says what to do, and the field it is about."""

import json
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError

from comptoir.core.errors import AccessDenied, AnomalousPayload, ComptoirError, Conflict, InputError

MEDIA_TYPE = "application/problem+json"
STATUSES = frozenset({401, 403, 404, 405, 409, 413, 422, 429})


class FieldProblem(Schema):
    """What is wrong with one field."""

    field: str
    detail: str


class Problem(Schema):
    """What went wrong, in words."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str | None = None
    errors: list[FieldProblem] = []


class MissingScope(ComptoirError):
    """The token is not allowed to do this."""


class TooLarge(ComptoirError):
    """The body is larger than the API takes."""


class TooMany(ComptoirError):
    """The token asks too often; `wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"wait {wait}")
        self.wait = wait


def problem(
    status: int, detail: str, *, field: str | None = None, errors: list[dict[str, str]] | None = None
) -> HttpResponse:
    """Return a problem as a response."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "field": field,
        "errors": errors or [],
    }
    return HttpResponse(json.dumps(body, ensure_ascii=False), status=status, content_type=MEDIA_TYPE)


def not_found(request: HttpRequest) -> HttpResponse:
    """Answer for an address that does not exist."""
    return problem(404, _("There is nothing at this address. See /api/v1/docs for what there is."))


def not_allowed(allow: str) -> HttpResponse:
    """Answer for a method that an address does not have."""
    response = problem(405, _("This address does not take this method. It takes: %(methods)s.") % {"methods": allow})
    response.headers["Allow"] = allow
    return response


def _unauthorised(request: HttpRequest, error: Any) -> HttpResponse:
    detail = _("Send a valid token: Authorization: Bearer cpt_…  An administrator makes them in the settings.")
    response = problem(401, detail)
    response.headers["WWW-Authenticate"] = 'Bearer realm="Comptoir"'
    return response


def _too_many(request: HttpRequest, error: Any) -> HttpResponse:
    seconds = max(1, round(error.wait + 0.5))
    response = problem(429, _("Too many requests. Wait %(seconds)d seconds.") % {"seconds": seconds})
    response.headers["Retry-After"] = str(seconds)
    return response


def _invalid(request: HttpRequest, error: Any) -> HttpResponse:
    errors = []
    for found in error.errors:
        place = [str(part) for part in found.get("loc", ())]
        name = ".".join(place[2:] if place[:1] == ["body"] and len(place) > 2 else place[1:]) or "body"
        errors.append({"field": name, "detail": str(found.get("msg", ""))})
    first = errors[0] if errors else {"field": "body", "detail": ""}
    return problem(422, f"{first['field']}: {first['detail']}", field=first["field"], errors=errors)


def _unreadable(request: HttpRequest, error: Any) -> HttpResponse:
    """Answer a body that is no JSON (ninja raises it as 400)."""
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return problem(422, _("The body is not valid JSON."), field="body")
    return problem(error.status_code, str(error))


def add_handlers(api: NinjaAPI) -> None:
    """Teach the API our tree of errors (core/errors.py)."""
    api.add_exception_handler(AuthenticationError, _unauthorised)
    api.add_exception_handler(ValidationError, _invalid)
    api.add_exception_handler(HttpError, _unreadable)
    api.add_exception_handler(TooMany, _too_many)
    api.add_exception_handler(MissingScope, lambda request, error: problem(403, str(error)))
    api.add_exception_handler(AccessDenied, lambda request, error: problem(404, str(error)))
    api.add_exception_handler(Http404, lambda request, error: not_found(request))
    api.add_exception_handler(Conflict, lambda request, error: problem(409, str(error)))
    api.add_exception_handler(
        InputError, lambda request, error: problem(422, str(error), field=getattr(error, "field", None))
    )
    api.add_exception_handler(AnomalousPayload, lambda request, error: problem(422, str(error), field="body"))
    for too_large in (TooLarge, RequestDataTooBig):
        api.add_exception_handler(
            too_large, lambda request, error: problem(413, _("The body is larger than 10 megabytes."))
        )
