"""Verifies a request's signature as Alibaba Cloud documents version 3: ACS3-HMAC-SHA256.

usage: alibaba.py FILE SECRET, where FILE is the request: METHOD PATH?QUERY, and a header a line. It has no body.
https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature
"""

import hashlib
import hmac
import sys
from urllib.parse import parse_qsl, quote

first, *lines = open(sys.argv[1], encoding="utf-8").read().splitlines()
method, target = first.split(" ", 1)
path, _, query = target.partition("?")
headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
algorithm, rest = headers["authorization"].split(" ", 1)
given = dict(field.split("=", 1) for field in rest.split(","))

signed = sorted(name for name in headers if name.startswith("x-acs-") or name in ("host", "content-type"))
pairs = sorted(parse_qsl(query, keep_blank_values=True))
body = hashlib.sha256(b"").hexdigest()
canonical = "\n".join([
    method,
    path,
    "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs),
    "".join(f"{name}:{headers[name]}\n" for name in signed),
    ";".join(signed),
    body,
])
text = algorithm + "\n" + hashlib.sha256(canonical.encode()).hexdigest()
signature = hmac.new(sys.argv[2].encode(), text.encode(), hashlib.sha256).hexdigest()
is_right = (
    algorithm == "ACS3-HMAC-SHA256"
    and given["SignedHeaders"] == ";".join(signed)
    and headers["x-acs-content-sha256"] == body
    and hmac.compare_digest(given["Signature"], signature)
)
sys.exit(0 if is_right else 1)
