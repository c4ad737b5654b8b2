import socket
from pathlib import Path

import pytest

from fhir_server.cli.failure import CommandError
from fhir_server.cli.listening import MLLP, base_url, listen, origin, refuse_open_door, refuse_open_mllp
from fhir_server.kernel.settings import Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_authorization(host: str) -> None:
    refuse_open_door(Settings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_any_other_address_without_authorization_is_refused(host: str) -> None:
    with pytest.raises(CommandError, match="--auth none is refused"):
        refuse_open_door(Settings(host=host))


def test_port_zero_picks_a_free_port_that_children_inherit() -> None:
    (listener,) = listen("127.0.0.1", 0)
    with listener:
        assert listener.getsockname()[1] > 0
        assert listener.get_inheritable()


def test_several_sockets_share_one_port_and_its_connections() -> None:
    listeners = listen("127.0.0.1", 0, 2)
    (port,) = {one.getsockname()[1] for one in listeners}
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
    for listener in listeners:
        listener.settimeout(5)
        listener.accept()[0].close()
    for one in (*clients, *listeners):
        one.close()


def test_shared_port_is_taken_for_a_second_server() -> None:
    listeners = listen("127.0.0.1", 0, 2)
    port = listeners[0].getsockname()[1]
    with pytest.raises(CommandError, match="is taken"):
        listen("127.0.0.1", port, 2)
    for one in listeners:
        one.close()


def test_taken_port_is_an_error_that_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CommandError) as caught:
            listen("127.0.0.1", port)
    assert str(caught.value) == (
        f"port {port} on 127.0.0.1 is taken: stop the program that uses it, or choose another port with --port"
    )


def test_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(CommandError, match=r"^cannot listen on 192.0.2.1, port 1: "):
        listen("192.0.2.1", 1)


@pytest.mark.parametrize("host", ["no such host", "a" * 300])
def test_unknown_host_is_an_error(host: str) -> None:
    with pytest.raises(CommandError, match=r"^cannot listen on "):
        listen(host, 0)


def test_ipv6_address_is_bracketed_in_urls() -> None:
    assert origin(Settings(host="::1", port=1)) == "http://[::1]:1"


def test_configured_base_url_is_what_people_are_told() -> None:
    assert base_url(Settings(base_url="https://example.org/fhir")) == "https://example.org/fhir"
    assert base_url(Settings()) == "http://127.0.0.1:8080/fhir"


def test_messages_of_other_machines_need_certificates_or_a_network_that_is_trusted() -> None:
    files = {"mllp_certificate": Path("server.pem"), "mllp_client_ca": Path("ca.pem")}
    for good in (
        Settings(),
        Settings(mllp_host="0.0.0.0"),
        Settings(mllp=2575),
        Settings(mllp=2575, mllp_host="0.0.0.0", mllp_trust_network=True),
        Settings(mllp=2575, mllp_host="0.0.0.0", **files),  # type: ignore[arg-type]  # two paths
    ):
        refuse_open_mllp(good)
    with pytest.raises(CommandError, match="--mllp-client-ca"):
        refuse_open_mllp(Settings(mllp=2575, mllp_host="0.0.0.0", mllp_certificate=Path("server.pem")))


def test_a_taken_port_for_messages_is_told_with_its_own_flag() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(CommandError, match=r"another port with --mllp$"),
    ):
        listen("127.0.0.1", other.getsockname()[1], flags=MLLP)
