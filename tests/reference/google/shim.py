"""Stands on the path as gcloud, and asks the one that is imported already.

usage: shim.py SOCKET ARGUMENT...
"""

import json
import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[1])
    with connection.makefile("rw") as lines:
        request = {"arguments": sys.argv[2:], "variables": dict(os.environ), "input": ""}
        lines.write(json.dumps(request) + "\n")
        lines.flush()
        answer = json.loads(lines.readline())
sys.stdout.write(answer["stdout"])
sys.stderr.write(answer["stderr"])
sys.exit(answer["code"])
