"""A small OpenID Connect provider on loopback: authorisation code with PKCE, RS256 ID tokens, a profile.

It is strict where a real one is: a code works once, for the redirect address, the client and the verifier that it was
made for. What it says about the person, and how it lies, is up to the test.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from comptoir.testing.loopback import Answer, Asked, HttpServer, http_server

CLIENT_ID, CLIENT_SECRET = "comptoir", "a client secret"


@dataclass
class Provider:
    """The provider: who is signed in there, and what it says in its tokens."""

    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "1", "email": "ada@acme.example", "name": "Ada"})
    token_claims: dict[str, Any] = field(default_factory=dict)  # added to the ID token alone
    described: dict[str, Any] = field(default_factory=dict)  # added to the provider's description
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    signing_key: rsa.RSAPrivateKey | None = None  # another one: a forger's
    server: HttpServer | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        """The provider's address."""
        assert self.server is not None
        return self.server.url("/realm")

    def answer(self, asked: Asked) -> Answer:
        """Answer one request."""
        path = urlsplit(asked.path)
        ways = {
            "/realm/.well-known/openid-configuration": self._description,
            "/realm/authorize": self._authorize,
            "/realm/token": self._token,
            "/realm/keys": self._keys,
            "/realm/profile": self._profile,
        }
        way = ways.get(path.path)
        return way(asked) if way else Answer(404)

    def _description(self, asked: Asked) -> Answer:
        found = {
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/profile",
        }  # fmt: skip
        return _json(found | self.described)

    def _authorize(self, asked: Asked) -> Answer:
        query = dict(parse_qsl(urlsplit(asked.path).query))
        if (
            query["client_id"] != CLIENT_ID
            or query["code_challenge_method"] != "S256"
            or "openid" not in query["scope"]
        ):
            return Answer(400)
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        back = f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"
        return Answer(302, headers={"Location": back})

    def _token(self, asked: Asked) -> Answer:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        asked_for = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        known = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        if asked_for is None or not known or challenge != asked_for["code_challenge"]:
            return _json({"error": "invalid_grant"}, status=400)
        if form["redirect_uri"] != asked_for["redirect_uri"]:
            return _json({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            **self.claims,
            **self.token_claims,
        }
        signed = jwt.encode(claims, self.signing_key or self.key, algorithm="RS256", headers={"kid": "k1"})
        return _json({"access_token": "at", "token_type": "Bearer", "id_token": signed})

    def _keys(self, asked: Asked) -> Answer:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return _json({"keys": [{**public, "kid": "k1", "alg": "RS256", "use": "sig"}]})

    def _profile(self, asked: Asked) -> Answer:
        return _json(self.claims) if asked.headers.get("authorization") == "Bearer at" else Answer(401)


def _json(value: Any, *, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


@contextmanager
def openid_provider() -> Iterator[Provider]:
    """Run a provider."""
    provider = Provider()
    with http_server(provider.answer) as server:
        provider.server = server
        yield provider
