"""Reads messages with Python's own email package: JSON of every file of a directory, by name."""

import email
import email.policy
import email.utils
import hashlib
import json
import pathlib
import sys


def text(value):
    return str(value).encode("utf-8", "replace").decode("utf-8")


def attempt(read, otherwise):
    try:
        return read()
    except Exception:  # The package raises on some damage; then it has no reading.
        return otherwise


def sender(message):
    pairs = email.utils.getaddresses([text(message.get("From", ""))])
    return [text(pairs[0][0]), text(pairs[0][1])] if pairs else ["", ""]


def reading(path):
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    texts, files = [], []
    for part in message.walk():
        if part.is_multipart() and part.get_content_maintype() != "message":
            continue
        if part.get_content_maintype() == "message" and part.is_multipart():
            name = attempt(lambda: part.get_payload(0)["Subject"], "") or ""
            files.append([f"{text(name)}.eml", attempt(lambda: part.get_payload(0).as_bytes(policy=email.policy.SMTP), b"")])
            continue
        if any(part in (other.get_payload() if other.is_multipart() else []) for other in message.walk() if other.get_content_maintype() == "message"):
            continue
        name = attempt(part.get_filename, None)
        payload = attempt(lambda: part.get_payload(decode=True), None) or b""
        if part.get_content_maintype() == "text" and name is None:
            texts.append(attempt(part.get_content, None) or payload.decode("utf-8", "replace"))
        elif part.get_content_maintype() != "multipart":
            files.append([text(name or ""), payload])
        else:
            texts.append(payload.decode("utf-8", "replace"))
    return {
        "subject": attempt(lambda: text(message["Subject"] or ""), ""),
        "from": attempt(lambda: sender(message), ["", ""]),
        "text": text("\n".join(text(part) for part in texts)),
        "files": [[name, digest(content)] for name, content in files],
    }


def digest(content):
    lines = content.replace(b"\r\n", b"\n").rstrip(b"\n")
    return hashlib.sha256(lines).hexdigest()


print(json.dumps({path.stem: reading(path) for path in sorted(pathlib.Path(sys.argv[1]).glob("*.eml"))}))
