"""Serve the page at `/`: a few files of fixed names, which ask for no token."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response

from faceoff.emotions import EMOTIONS
from faceoff.live import drawn
from faceoff.live.gate import PAGE
from faceoff.live.settings import Settings
from faceoff.temporal import rule_list

_HERE = Path(__file__).parent
_RULE = "ema"  # that the page begins with
# The page runs no script and asks for nothing but what this server has; 'self' is its socket, too.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src blob:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
_KINDS = {".css": "text/css", ".html": "text/html", ".js": "text/javascript"}


def _files() -> dict[str, Path]:
    """Return the page's files by the path that a browser asks for."""
    own = sorted((_HERE / "page").iterdir())
    known = {f"{PAGE}{path.name}": path for path in own if path.suffix in (".css", ".js")}
    looks = _HERE.parent / "report" / "page.css"  # colours and type of the report
    return {"/": _HERE / "page" / "index.html", f"{PAGE}page.css": looks, **known}


def told(settings: Settings) -> dict[str, Any]:
    """Return what the page needs to know beside the pipelines."""
    rules = {name: rule_list.get(name) for name in rule_list.names()}
    return {
        "emotions": list(EMOTIONS),
        "rules": [
            {"name": name, "title": rule.title}
            for name, rule in rules.items()
            if rule.causal and not rule.learns
        ],
        "rule": _RULE,
        "units": bool(settings.signals),
        "kept": settings.keep is not None,
        "asks_token": settings.token is not None,
        "drawn": drawn.told(),
    }


def add(app: FastAPI, settings: Settings) -> None:
    """Add the page's files. They are read once, so that no path of a client is ever opened."""

    def offer(path: str, body: bytes, kind: str) -> None:
        async def served() -> Response:
            return Response(body, 200, dict(HEADERS), kind)

        app.add_api_route(path, served, include_in_schema=False)

    for path, file in _files().items():
        offer(path, file.read_bytes(), _KINDS[file.suffix])
    offer(f"{PAGE}page.json", json.dumps(told(settings)).encode(), "application/json")

    @app.get(f"{PAGE}drawn.jpg", include_in_schema=False)
    async def sheet() -> Response:
        body = await asyncio.to_thread(drawn.sheet)
        return Response(body, 200, dict(HEADERS), "image/jpeg")
