"""Which addresses may be told of the end of a job."""

import pytest

from kilnmark.protocol.notify import checked_hosts, notify_problem

HOSTS = checked_hosts(("Example.org", "example.org:8443", "localhost:9000", "[::1]:9000"))


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/told",
        "https://EXAMPLE.org:443/told?of=them",
        "https://example.org:8443/",
        "http://localhost:9000/told",
        "http://[::1]:9000/told",
    ],
)
def test_a_host_that_was_named_is_told_at_its_port(address: str) -> None:
    assert notify_problem(address, HOSTS) is None


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("https://example.org:8444/", "example.org:8444 is not allowed"),
        ("https://sub.example.org/", "sub.example.org is not allowed"),
        ("https://example.org.evil.example/", "is not allowed"),
        ("https://example.org./", "is not allowed"),
        ("https://example.org@evil.example/", "name or a password"),
        ("https://user:secret@example.org/", "name or a password"),
        ("http://example.org/", "of http"),
        ("http://127.0.0.1:9000/", "is not allowed"),
        ("http://localhost/", "localhost is not allowed"),
        ("ftp://example.org/", "no address of https"),
        ("https:///told", "no address of https"),
        ("example.org", "no address of https"),
        ("https://example.org/#there", "fragment"),
        ("https://example.org/a b", "%20"),
        ("https://example.org/m\u00fchle", "%20"),
        ("https://exam\nple.org/", "%20"),
        (" https://example.org/", "%20"),
        ("https://example.org:99999/", "no address"),
        ("https://[::1/", "no address"),
    ],
)
def test_any_other_is_refused_with_the_mend(address: str, why: str) -> None:
    assert why in (notify_problem(address, HOSTS) or "")


def test_where_no_host_was_named_it_is_said_how() -> None:
    assert "--notify-host example.org" in (notify_problem("https://example.org/", ()) or "")


@pytest.mark.parametrize("host", ["https://example.org", "example.org/told", "", "a b", "*.example.org", "[::1", "a:b"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="no host"):
        checked_hosts((host,))
