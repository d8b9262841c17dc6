"""Tells as whom botocore signs: one JSON object a line on standard input, one a line as the answer.

A request is {"env": {...}, "profile": "..." or null}; an answer {"arn": "..."}, {"error": "..."} or
{"no_identity": true}. Each request has its own process, forked once everything large is loaded.
"""

import json
import logging
import os
import signal
import sys

import botocore.credentials
import botocore.loaders
import botocore.session
import botocore.tokens

logging.disable(logging.CRITICAL)
LOADER = botocore.loaders.Loader()


def session(profile=None):
    new = botocore.session.Session(profile=profile)
    new.register_component("data_loader", LOADER)
    return new


def answer(request):
    os.environ.clear()
    os.environ.update(request["env"])
    # Read of the environment once, when they are loaded.
    folder = os.path.expanduser("~/.aws/sso/cache")
    botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR = folder
    botocore.tokens.SSOTokenProvider._SSO_TOKEN_CACHE_DIR = folder
    # There is no terminal to prompt for a second factor.
    os.setsid()
    sys.stdin = open(os.devnull)
    sys.stderr = open(os.devnull, "w")
    try:
        new = session(request["profile"])
        if new.get_credentials() is None:
            return {"no_identity": True}
        client = new.create_client("sts", region_name="us-east-1")
        return {"arn": client.get_caller_identity()["Arn"]}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


# What every row needs is loaded once.
for service in ("sts", "sso", "sso-oidc", "signin"):
    session().create_client(
        service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
for line in sys.stdin:
    if (child := os.fork()) == 0:
        signal.alarm(20)
        print(json.dumps(answer(json.loads(line))), flush=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status != 0:
        print(json.dumps({"error": f"it ended with status {status}"}), flush=True)
