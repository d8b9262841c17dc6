# Whether az's own parser takes each of the commands on standard input; runs none of them.
import contextlib, io, json, sys

from azure.cli.core import get_default_cli
from azure.cli.core.commands import AzCliCommandInvoker


class Parsed(BaseException):
    pass


def parsed(*_):
    raise Parsed


AzCliCommandInvoker._run_jobs_serially = parsed
AzCliCommandInvoker._validation = parsed
refused = []
for arguments in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            get_default_cli().invoke(arguments)
            why = "it was not parsed"
        except Parsed:
            continue
        except SystemExit as exit:
            why = f"exit {exit.code}"
        except Exception as error:
            why = repr(error)
    refused.append([arguments, why, said.getvalue()[-400:]])
json.dump(refused, sys.stdout)
