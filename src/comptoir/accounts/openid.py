"""Single sign-on by OpenID Connect: allauth's protocol, our provider row, our door to the network.

Authorisation code with PKCE and state; the ID token's signature, issuer and audience are always verified, and the
profile must be of the same subject. Every request goes through core.http: private addresses are refused, redirects are
not followed. allauth's own ways to an account (sign-up, connecting, by address) are closed: `pre_social_login` is the
only one.
"""

import logging
from typing import Any, NoReturn

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from comptoir.accounts import signon
from comptoir.accounts.models import SignOn
from comptoir.accounts.queries import sign_on
from comptoir.accounts.rules import is_safe_provider
from comptoir.core import http
from comptoir.core.errors import ChannelError, ComptoirError, InputError

logger = logging.getLogger(__name__)

NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")


class GuardedTransport(requests.adapters.BaseAdapter):
    """Carries the requests of allauth's session over core.http, which guards against server-side request forgery."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Make one request. Raises what callers of the requests library expect."""
        url, body = str(request.url), request.body
        if not is_safe_provider(url):
            raise requests.exceptions.InvalidURL("only https addresses are asked", request=request)
        kept = {name: str(value) for name, value in request.headers.items() if name.lower() != "accept-encoding"}
        content = body.encode() if isinstance(body, str) else body
        try:
            answer = http.request(str(request.method), url, body=content, headers=kept)  # type: ignore[arg-type]
        except ChannelError as error:
            raise requests.exceptions.ConnectionError(str(error), request=request) from error
        if 300 <= answer.status < 400:
            raise requests.exceptions.TooManyRedirects("redirects are not followed", request=request)
        response = requests.Response()
        response.status_code, response.url, response.request = answer.status, url, request
        response.headers = requests.structures.CaseInsensitiveDict(answer.headers)
        response._content, response.encoding = answer.body, "utf-8"
        return response

    def close(self) -> None:
        """Nothing is kept open."""


class SignOnOAuth2Adapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth ships no types
    """Asks the provider of our row, and believes only what is signed."""

    @property
    def openid_config(self) -> dict[str, Any]:
        """Return the provider's description of itself, complete and safe to follow. Raises OAuth2Error."""
        if not hasattr(self, "_described"):
            issuer = self.get_provider().app.settings["server_url"]
            with SignOnAdapter(self.request).get_requests_session() as session:
                answer = session.get(issuer + signon.WELL_KNOWN)
                answer.raise_for_status()
                found = answer.json()
            if not isinstance(found, dict) or str(found.get("issuer", "")).rstrip("/") != issuer:
                raise OAuth2Error("the provider calls itself by another name than its issuer")
            used = [str(found.get(name, "")) for name in NEEDED]
            if not all(map(is_safe_provider, used)):
                raise OAuth2Error("the provider's description lacks an address, or has one that is not https")
            self._described: dict[str, Any] = found
        return self._described

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """Return where the provider sends people back to; from our public address, never from the Host header."""
        return callback_url()

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> SocialLogin:
        """Return who came, by the signed ID token and, where there is one, the profile of the same subject."""
        try:
            config = self.openid_config
            data = {
                "id_token": jwtkit.verify_and_decode(
                    credential=kwargs["response"]["id_token"], keys_url=config["jwks_uri"], issuer=config["issuer"],
                    audience=app.client_id, lookup_kid=jwtkit.lookup_kid_jwk,
                )
            }  # fmt: skip
            if config.get("userinfo_endpoint"):
                profile = self._fetch_user_info(token.token)
                if profile["sub"] != data["id_token"]["sub"]:
                    raise OAuth2Error("the profile is of somebody else")
                data["userinfo"] = {**data["id_token"], **profile}
            return self.get_provider().sociallogin_from_response(request, data)
        except (KeyError, TypeError, ValueError) as error:
            raise OAuth2Error(f"the provider's answer cannot be used: {error!r}") from error


class SignOnProvider(OpenIDConnectProvider):  # type: ignore[misc]  # allauth ships no types
    """The one provider of this installation."""

    oauth2_adapter_class = SignOnOAuth2Adapter
    pkce_enabled_default = True


class SignOnAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Answers allauth's questions from our row."""

    def list_apps(self, request: HttpRequest, provider: str | None = None, client_id: str | None = None) -> list[Any]:
        """Return the provider's app, built from the row; none when there is no row or it is switched off."""
        row = sign_on()
        return [] if row is None else [_app(row)]

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> SignOnProvider:
        """Return the provider. Raises SocialApp.DoesNotExist when nobody has configured one."""
        return SignOnProvider(request, app=self.get_app(request, provider=provider))

    def get_requests_session(self) -> requests.Session:
        """Return a session that reaches the network through our guard alone."""
        session = requests.Session()
        session.trust_env = False  # neither proxies nor ~/.netrc of the machine
        for scheme in ("https://", "http://"):
            session.mount(scheme, GuardedTransport())
        return session

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """No: people are made by `pre_social_login` or not at all."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Find or make the person; whoever has no place here reads why."""
        row = sign_on()
        verified = [entry.email for entry in sociallogin.email_addresses if entry.verified is True]
        try:
            if row is None or sociallogin.state.get("process") != "login":
                raise InputError(_("Start again from the sign-in page."))
            email = verified[0] if verified else ""
            if sociallogin.is_existing:
                signon.check_admitted(row=row, email=email)
                return
            name = str(sociallogin.account.get_provider_account().get_user_data().get("name") or "")
            person = signon.admit_person(row=row, email=email, name=name, language=get_language() or "en")
        except InputError as error:
            refuse(request, str(error))
        sociallogin.connect(request, person)

    def on_authentication_error(self, request: HttpRequest, provider: Any, **told: Any) -> None:
        """Say in words that it did not work; the details are for the log."""
        logger.warning("sign-on: %s %s", told.get("error", ""), told.get("exception") or "")
        if request.GET.get("error") == "access_denied":
            refuse(request, _("You did not finish signing in at your provider. Try again, or use your password."))
        refuse(
            request, _("Your provider's answer could not be used. Try again; if it persists, tell an administrator.")
        )


def callback_url() -> str:
    """Return the address that is registered at the provider."""
    return settings.PUBLIC_URL + reverse("sign_on_callback")


def refuse(request: HttpRequest, words: str) -> NoReturn:
    """End the exchange with a page that says why."""
    raise ImmediateHttpResponse(render(request, "account/sign_on_refused.html", {"words": words}, status=403))


def _app(row: SignOn) -> SocialApp:
    return SocialApp(
        provider="openid_connect", provider_id=signon.PROVIDER, name=row.label, client_id=row.client_id,
        secret=signon.secret_of(row), settings={"server_url": row.issuer, "oauth_pkce_enabled": True},
    )  # fmt: skip


def _answer(view: type[OAuth2LoginView] | type[OAuth2CallbackView], request: HttpRequest) -> HttpResponse:
    if request.method != "GET":
        return HttpResponse(status=405, headers={"Allow": "GET"})
    if sign_on() is None:
        raise Http404
    adapter = SignOnOAuth2Adapter(request, signon.PROVIDER)
    try:
        answer: HttpResponse = view.adapter_view(adapter)(request)
        return answer
    except (OAuth2Error, requests.RequestException, ComptoirError) as error:
        logger.warning("sign-on: %s", error)
        words = _("Your organisation's sign-in does not answer. Try again in a moment, or use your password.")
        return render(request, "account/sign_on_refused.html", {"words": words}, status=503)


def login(request: HttpRequest) -> HttpResponse:
    """Send a stranger to the provider."""
    return _answer(OAuth2LoginView, request)


def callback(request: HttpRequest) -> HttpResponse:
    """Take what the provider sends back: a code, or a refusal."""
    return _answer(OAuth2CallbackView, request)
