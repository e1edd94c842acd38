"""An app behind Starlette's own SessionMiddleware, one request a line: a cookie in, the session and the next cookie out."""

import asyncio
import json
import sys

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def visit(request: Request) -> JSONResponse:
    before = dict(request.session)
    request.session["visits"] = [*request.session.get("visits", []), "python é文"]
    return JSONResponse(before)


app = Starlette(
    routes=[Route("/", visit)],
    middleware=[Middleware(SessionMiddleware, secret_key=sys.argv[1])],
)


async def ask(cookie: str) -> dict:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [(b"cookie", cookie.encode("latin-1"))],
    }
    sent = []

    async def receive() -> dict:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict) -> None:
        sent.append(message)

    await app(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return {"session": json.loads(sent[1]["body"]), "cookie": headers["set-cookie"].split(";")[0]}


for line in sys.stdin:
    print(json.dumps(asyncio.run(ask(json.loads(line)))), flush=True)
