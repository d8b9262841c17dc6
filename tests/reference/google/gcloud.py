"""gcloud, imported once: a fork of this process runs each command, given over a socket.

usage: gcloud.py INSTALLATION SOCKET

A request is a line of JSON with arguments, variables and the standard input; the answer one with the
exit code and both outputs. As a program's `gcloud` on the path stands a script that asks so.
"""

import json
import os
import socket
import sys
import tempfile

root, path = sys.argv[1:]
sys.path[0:0] = [root + "/lib", root + "/lib/third_party"]
os.environ["CLOUDSDK_ROOT_DIR"] = root

from googlecloudsdk import gcloud_main  # noqa: E402
from googlecloudsdk.api_lib.iamcredentials import util  # noqa: E402, F401
from googlecloudsdk.core.configurations import named_configs  # noqa: E402
from googlecloudsdk.core.credentials import creds, store  # noqa: E402, F401
import google.auth.external_account  # noqa: E402, F401
import google.auth.impersonated_credentials  # noqa: E402, F401
import google.auth.transport.requests  # noqa: E402, F401
import google.oauth2.service_account  # noqa: E402, F401


def run(request, files):
    os.environ.clear()
    os.environ.update(request["variables"])
    for descriptor, file in enumerate(files):
        os.dup2(file.fileno(), descriptor)
    # Of whoever started this process.
    named_configs.ActivePropertiesFile.Invalidate()
    sys.argv = ["gcloud"] + request["arguments"]
    code = 0
    try:
        gcloud_main.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException as error:
        print(repr(error), file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def serve(connection):
    with connection, connection.makefile("rw") as lines:
        line = lines.readline()
        # A probe of the socket sends no request.
        if not line:
            return
        request = json.loads(line)
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(request["input"].encode())
            given.seek(0)
            child = os.fork()
            if child == 0:
                run(request, [given, out, err])
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            out.seek(0)
            err.seek(0)
            answer = {"code": code, "stdout": out.read().decode(), "stderr": err.read().decode()}
        lines.write(json.dumps(answer) + "\n")


listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
while True:
    serve(listener.accept()[0])
