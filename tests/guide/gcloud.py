# Whether gcloud's own parser takes each of the commands on standard input; runs none of them.
import contextlib, io, json, os, sys

root = os.path.join(sys.argv[1], "lib")
sys.path[:0] = [root, os.path.join(root, "third_party")]
sys.argv = ["gcloud"]
from googlecloudsdk import gcloud_main

parser = gcloud_main.CreateCLI([])._CLI__parser
refused = []
for arguments in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            parser.parse_args(arguments)
            continue
        except SystemExit as exit:
            why = f"exit {exit.code}"
        except Exception as error:
            why = repr(error)
    refused.append([arguments, why, said.getvalue()[-400:]])
json.dump(refused, sys.stdout)
