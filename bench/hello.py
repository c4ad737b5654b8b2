"""The floor of reads: an application that does nothing but answer, on the same server as ours.

Spec: https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


async def _hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


app = Starlette(routes=[Route("/hello", _hello)])
