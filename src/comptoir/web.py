"""The web process: uvicorn around the ASGI application."""

import asyncio

import uvicorn
from django.conf import settings

from comptoir import env


def main() -> None:
    """Serve until SIGTERM or SIGINT; open streams are closed after two seconds."""
    config = uvicorn.Config(
        "comptoir.asgi:application",
        host=env.text("COMPTOIR_BIND", "127.0.0.1"),
        port=settings.PORT,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.TRUSTED_PROXIES),
        forwarded_allow_ips=settings.TRUSTED_PROXIES or None,
        backlog=2048,
        timeout_graceful_shutdown=2,
        limit_concurrency=2000,
    )
    asyncio.run(uvicorn.Server(config).serve())
