"""Reads messages with notmuch, whose parser is GMime: JSON of every file of a directory, by name."""

import email.utils
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile


def digest(content):
    lines = content.replace(b"\r\n", b"\n").rstrip(b"\n")
    return hashlib.sha256(lines).hexdigest()


def run(*arguments):
    return subprocess.run(["notmuch", *arguments], capture_output=True, check=False).stdout


def leaves(parts):
    for part in parts:
        content = part.get("content")
        if part["content-type"].startswith("multipart/") and isinstance(content, list):
            yield from leaves(content)
        else:
            yield part


def messages(found):
    """Threads are lists of pairs, of a message and the replies to it."""
    if isinstance(found, dict):
        yield found
    for one in found if isinstance(found, list) else []:
        yield from messages(one)


def reading(message):
    texts, files = [], []
    for part in leaves(message["body"]):
        name = part.get("filename")
        content = part.get("content")
        if part["content-type"] == "message/rfc822":
            subject = content[0]["headers"].get("Subject", "") if isinstance(content, list) else ""
            raw = run("show", "--format=raw", f"--part={part['id']}", f"id:{message['id']}")
            files.append([f"{subject}.eml", digest(raw)])
        elif part["content-type"].startswith("text/") and name is None and isinstance(content, str):
            texts.append(content)
        else:
            raw = run("show", "--format=raw", f"--part={part['id']}", f"id:{message['id']}")
            files.append([name or "", digest(raw)])
    name, address = email.utils.parseaddr(message["headers"].get("From", ""))
    return {
        "subject": message["headers"].get("Subject", ""),
        "from": [name, address],
        "text": "\n".join(texts),
        "files": files,
    }


home = pathlib.Path(tempfile.mkdtemp())
try:
    os.environ["NOTMUCH_CONFIG"] = str(home / "config")
    mail = home / "mail"
    for folder in ("cur", "new", "tmp"):
        (mail / folder).mkdir(parents=True)
    for path in pathlib.Path(sys.argv[1]).glob("*.eml"):
        shutil.copy(path, mail / "cur" / f"{path.stem}:2,S")
    (home / "config").write_text(f"[database]\npath={mail}\n[user]\nname=x\nprimary_email=x@example.com\n")
    run("new", "--quiet")
    found = run("show", "--format=json", "--include-html", "--entire-thread=false", "*")
    readings = {}
    for message in messages(json.loads(found.decode("utf-8", "replace") or "[]")):
        name = message["filename"]
        path = name[0] if isinstance(name, list) else name
        readings[pathlib.Path(path).name.split(":")[0]] = reading(message)
    print(json.dumps(readings))
finally:
    shutil.rmtree(home)
