"""Makes a database for grype in which one package of Alpine's has one vulnerability.

usage: grype.py GRYPE FOLDER
"""
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

VULNERABILITY = {
    "id": "CVE-2026-0001",
    "description": "app-library is pretended to be vulnerable",
    "severities": [{"scheme": "CHML", "value": "high", "rank": 1}],
}
AFFECTED = {
    "ranges": [
        {"version": {"type": "apk", "constraint": "< 1.2.4-r0"}, "fix": {"version": "1.2.4-r0", "state": "fixed"}}
    ]
}


def main(grype, folder):
    environment = dict(os.environ, GRYPE_DB_CACHE_DIR=folder)
    with tempfile.TemporaryDirectory() as work:
        made = os.path.join(work, "made.db")
        with sqlite3.connect(made) as database:
            columns = "build_timestamp datetime NOT NULL, model integer NOT NULL, revision integer NOT NULL, addition integer NOT NULL"
            database.execute(f"CREATE TABLE db_metadata ({columns})")
            database.execute("INSERT INTO db_metadata VALUES ('2026-01-01 00:00:00+00:00', 6, 1, 0)")
        database.close()
        # grype itself makes the other tables when it takes it.
        subprocess.run([grype, "db", "import", made], env=environment, check=True)
        shutil.copy(os.path.join(folder, "6", "vulnerability.db"), made)
        with sqlite3.connect(made) as database:
            for statement, values in [
                ("INSERT INTO providers (id, version) VALUES (?, ?)", ("alpine", "1")),
                ("INSERT INTO blobs (id, value) VALUES (1, ?)", (json.dumps(VULNERABILITY),)),
                ("INSERT INTO blobs (id, value) VALUES (2, ?)", (json.dumps(AFFECTED),)),
                (
                    "INSERT INTO vulnerability_handles (id, name, status, provider_id, blob_id) VALUES (1, ?, 'active', 'alpine', 1)",
                    (VULNERABILITY["id"],),
                ),
                (
                    "INSERT INTO operating_systems (id, name, release_id, major_version, minor_version, label_version, codename, channel)"
                    " VALUES (1, 'alpine', 'alpine', '3', '20', '', '', '')",
                    (),
                ),
                ("INSERT INTO packages (id, ecosystem, name) VALUES (1, 'apk', 'app-library')", ()),
                ("INSERT INTO affected_package_handles VALUES (1, 1, 1, 1, 2)", ()),
            ]:
                database.execute(statement, values)
        database.close()
        subprocess.run([grype, "db", "import", made], env=environment, check=True)


main(*sys.argv[1:])
