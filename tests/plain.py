"""httpx for servers of the tests' own, none of which speaks TLS.

By itself httpx reads every authority of the world for each client it makes, and makes one for each
of these calls: that took more time than most of the calls.
"""

from __future__ import annotations

from functools import partial

import httpx

get = partial(httpx.get, verify=False)
post = partial(httpx.post, verify=False)
put = partial(httpx.put, verify=False)
patch = partial(httpx.patch, verify=False)
delete = partial(httpx.delete, verify=False)
head = partial(httpx.head, verify=False)
options = partial(httpx.options, verify=False)
request = partial(httpx.request, verify=False)
stream = partial(httpx.stream, verify=False)
Client = partial(httpx.Client, verify=False)
AsyncClient = partial(httpx.AsyncClient, verify=False)
