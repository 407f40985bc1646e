"""Which certificates a judge's address is held to.

Where no TLS is spoken none are read, which takes longer than a call on this machine does; a context without any trusts
nobody.
"""

import ssl

__all__ = ["trusted_by"]


def trusted_by(base_url: str) -> ssl.SSLContext | bool:
    """What an HTTP client takes as `verify`: the usual ones for https, none for plain HTTP."""
    return True if base_url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
