"""Which addresses are of the public internet: what people type must not reach what only we can."""

import ipaddress

# Ways in which an IPv6 address stands for an IPv4 one that was not looked at.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


def is_public(number: str) -> bool:
    """Whether an IP address is one of the public internet."""
    try:
        address = ipaddress.ip_address(number)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and (
        address.ipv4_mapped or address.sixtofour or address.teredo or address in _TRANSLATED
    ):
        return False
    return address.is_global and not address.is_multicast
