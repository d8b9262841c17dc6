"""docker-py takes images: says `got IMAGE` of each.

usage: docker_py.py pull|build|login IMAGE...
"""
import io
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import docker


def pull(image):
    docker.from_env().images.pull(image)


def build(image):
    docker.from_env().images.build(fileobj=io.BytesIO(f"FROM {image}\n".encode()), pull=True, nocache=True)


def login(image):
    """With the password that stands in a file, as logins.sh writes it."""
    host = image.split("/")[0]
    for line in open(os.environ["HOME"] + "/credentials"):
        registry, user, password = line.split()
        if registry == host:
            registry = None if host == "docker.io" else host
            docker.from_env().login(user, password, registry=registry, reauth=True)


def tried(image):
    try:
        {"pull": pull, "build": build, "login": login}[sys.argv[1]](image)
        print("got", image, flush=True)
    except Exception as error:
        print(f"{image}: {error}", file=sys.stderr, flush=True)


with ThreadPoolExecutor(6) as several:
    list(several.map(tried, sys.argv[2:]))
