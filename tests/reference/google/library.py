"""Answers as whom google-auth signs in: a line of variables in, a line with a token or an error out.

Each answer is a process's own, forked when everything is imported: the library reads variables while
it is imported, too.
"""

import json
import os
import sys

import google.auth
import google.auth.aws
import google.auth.external_account_authorized_user
import google.auth.identity_pool
import google.auth.impersonated_credentials
import google.auth.pluggable
import google.auth.transport.requests
import google.oauth2.credentials
import google.oauth2.service_account

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
# It fixes the metadata server's address when it is imported.
for module in [name for name in sys.modules if name.startswith("google.auth.compute_engine")]:
    del sys.modules[module]
    vars(google.auth).pop("compute_engine", None)


def answer(variables):
    os.environ.clear()
    os.environ.update(variables)
    try:
        credentials, _ = google.auth.default(scopes=[SCOPE])
    except google.auth.exceptions.DefaultCredentialsError as error:
        return {"no_identity" if "were not found" in str(error) else "refused": str(error)}
    except Exception as error:
        return {"refused": repr(error)}
    try:
        credentials.refresh(google.auth.transport.requests.Request())
    except Exception as error:
        return {"refused": repr(error)}
    return {"token": credentials.token}


for line in sys.stdin:
    child = os.fork()
    if child == 0:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
