"""Signs in as Azure's SDK for Python does: a line of JSON with an environment in, one with what came of it out."""

import json
import logging
import os
import sys
import time
import warnings

from azure.identity import DefaultAzureCredential

SCOPE = "https://containerregistry.azure.net/.default"

# It waits for half a minute between its attempts at a service that is busy.
sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, 0.01))
logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")

for line in sys.stdin:
    os.environ.clear()
    os.environ.update(json.loads(line))
    try:
        answer = {"token": DefaultAzureCredential().get_token(SCOPE).token}
    except Exception as error:  # pylint: disable=broad-except
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
