"""The REST API under /api/v1/: its parts, its description (OpenAPI) and what it answers to what it does not have."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI

from comptoir import __version__
from comptoir.api.rest import accounts, contacts, conversations, intake, problems, replies

DESCRIPTION = """\
Everything a program needs to read and answer what arrives at the counter.

Every request carries a token (`Authorization: Bearer cpt_…`). A token acts with the eyes of the person for whom it was
made: it sees the conversations of their teams and nothing else. Scopes: `read`, `write`, and `admin` for the inbound
log. Lists come in pages: pass `next_cursor` back as `cursor` until it is null. Errors are
`application/problem+json` and say in `detail` what to do. Each token may make 600 requests a minute.
"""


class RestAPI(NinjaAPI):
    """Ninja's API with our errors in its description."""

    def get_openapi_schema(self, **options: Any) -> Any:
        """Describe errors as what they are: problem+json."""
        self._name_scopes()
        schema = super().get_openapi_schema(**options)
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status, answer in operation["responses"].items():
                    if int(status) >= 400 and "application/json" in answer.get("content", {}):
                        answer["content"][problems.MEDIA_TYPE] = answer["content"].pop("application/json")
                if operation["operationId"].endswith("get_attachment"):
                    binary = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
                    operation["responses"][200]["content"] = binary
        return schema

    def _name_scopes(self) -> None:
        """Let each operation say which scope it needs: OpenAPI has a place for it only with OAuth."""
        for router in self._get_bound_routers():
            for view in router.path_operations.values():
                for operation in view.operations:
                    for door in operation.auth_callbacks:
                        operation.openapi_extra = {"x-scope": getattr(door, "scope", "")}


def _build() -> RestAPI:
    built = RestAPI(
        title="Comptoir",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        openapi_url=None,
        urls_namespace="api",
    )
    problems.add_handlers(built)
    built.add_router("/contacts", contacts.router)
    built.add_router("", accounts.router)
    built.add_router("", conversations.router)
    built.add_router("", replies.router)
    built.add_router("/intake", intake.router)
    return built


api = _build()


def openapi(request: HttpRequest) -> HttpResponse:
    """Return the description of the API; it is the same for everybody and holds no secret."""
    if request.method != "GET":
        return problems.not_allowed("GET")
    return JsonResponse(api.get_openapi_schema(path_prefix="/api/v1/"))


def _plain(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let a method that an address does not have be answered in words as well."""

    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if response.status_code == 405:
            return problems.not_allowed(response.headers.get("Allow", ""))
        return response

    return csrf_exempt(answer)


def urls() -> list[URLPattern]:
    """Return the addresses of the API, relative to /api/v1/, the catch-all last."""
    found = [pattern for pattern in api.urls[0] if isinstance(pattern, URLPattern) and pattern.name != "api-root"]
    for pattern in found:
        pattern.callback = _plain(pattern.callback)
    return [
        path("openapi.json", csrf_exempt(openapi), name="openapi"),
        *found,
        re_path(r"^.*$", csrf_exempt(problems.not_found), name="nothing"),
    ]
