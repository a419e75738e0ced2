"""The events page by itself, where the gateway is somebody else's and none is simulated here."""

from http import HTTPStatus

from local.events.page import PATH, EventsPage
from local.gateway.browsers import refuse_foreign
from local.gateway.exchange import Reply, Request, text_reply
from local.gateway.server import GatewayServer
from local.ports import LOOPBACK


def serve(page: EventsPage, port: int) -> GatewayServer:
    """Serve the page until it is stopped; `/` leads to it.

    Raises:
        OSError: the port is taken.
    """

    def respond(request: Request) -> Reply:
        if refused := refuse_foreign(request):
            return refused
        if request.path == "/":
            return Reply(HTTPStatus.FOUND, headers=(("Location", PATH),))
        if request.path == PATH or request.path.startswith(f"{PATH}/"):
            return page.respond(request)
        return text_reply("not found\n", HTTPStatus.NOT_FOUND)

    server = GatewayServer((LOOPBACK, port), respond)
    server.start()
    return server
