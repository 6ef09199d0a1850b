"""How often one address may ask in a minute.

Counted in the database by one statement, so that every process counts together and nothing is
counted twice or lost.
"""

import datetime
import ipaddress

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

# Whoever has an IPv6 address has all of its network.
_IPV6_NETWORK = 64
_COUNT = """
WITH old AS (
    SELECT who FROM transparency_requestcount WHERE minute < %(forget)s
    LIMIT 200 FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM transparency_requestcount USING old
    WHERE transparency_requestcount.who = old.who
)
INSERT INTO transparency_requestcount AS c (who, minute, count) VALUES (%(who)s, %(minute)s, 1)
ON CONFLICT (who) DO UPDATE SET count = c.count + 1 RETURNING count
"""


def seconds_to_wait(request: HttpRequest) -> int:
    """Count the request; 0 where it may go on, else after how many seconds the next one may."""
    limit = settings.API_REQUESTS_PER_MINUTE
    if not limit:
        return 0
    now = timezone.now()
    minute = now.replace(second=0, microsecond=0)
    who = salted_hmac("transparency.api", f"{_network(request)} {minute.isoformat()}").hexdigest()
    with connection.cursor() as cursor:
        forget = minute - datetime.timedelta(hours=1)
        cursor.execute(_COUNT, {"who": who, "minute": minute, "forget": forget})
        (count,) = cursor.fetchone()
    return 60 - now.second if count > limit else 0


def _network(request: HttpRequest) -> str:
    """The reader's address, as far as the proxies before us are to be believed."""
    address = ipaddress.ip_address(get_adapter(request).get_client_ip(request))
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, _IPV6_NETWORK), strict=False))
