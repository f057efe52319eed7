"""Reads messages with Dovecot, as ENVELOPE and BODYSTRUCTURE answer them: JSON of every file of a directory, by name."""

import email.header
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

account = "mail"


def tokens(text):
    """An IMAP list: parentheses, quoted strings, literals, atoms."""
    at = 0

    def value():
        nonlocal at
        if text[at] == "(":
            at += 1
            items = []
            while text[at] != ")":
                if text[at] == " ":
                    at += 1
                else:
                    items.append(value())
            at += 1
            return items
        if text[at] == '"':
            quoted = re.compile(r'"((?:[^"\\]|\\.)*)"', re.S).match(text, at)
            at = quoted.end()
            return re.sub(r"\\(.)", r"\1", quoted[1])
        literal = re.compile(r"\{(\d+)\}\r?\n").match(text, at)
        if literal:
            at = literal.end() + int(literal[1])
            return text[literal.end() : at]
        atom = re.compile(r"[^ ()]+").match(text, at)
        at = atom.end()
        return None if atom[0] == "NIL" else atom[0]

    items = []
    while at < len(text):
        if text[at] in " \r\n":
            at += 1
        else:
            items.append(value())
    return items


def words(value):
    if value is None:
        return ""
    raw = value.encode("latin1", "replace")
    try:
        plain = raw.decode("utf-8")
    except UnicodeDecodeError:
        plain = value
    try:
        return str(email.header.make_header(email.header.decode_header(plain)))
    except Exception:
        return plain


def parameters(flat):
    return {flat[at].lower(): words(flat[at + 1]) for at in range(0, len(flat or []) - 1, 2)}


def leaves(structure):
    if isinstance(structure[0], list):
        for part in structure:
            if isinstance(part, list) and part and (isinstance(part[0], (list, str))) and part is not structure[-1]:
                if isinstance(part[0], list) or "/" not in str(part[0]):
                    yield from leaves(part) if is_part(part) else ()
    else:
        yield structure


def is_part(part):
    return isinstance(part[0], list) or (len(part) >= 7 and isinstance(part[0], str) and isinstance(part[1], str))


def reading(envelope, structure):
    envelope = tokens(envelope)
    files = []
    for leaf in leaves(tokens(structure)):
        kind = f"{leaf[0]}/{leaf[1]}".lower()
        names = parameters(leaf[2])
        for extra in leaf[7:]:
            if isinstance(extra, list) and len(extra) == 2 and isinstance(extra[1], list):
                names |= parameters(extra[1])
        if kind == "message/rfc822":
            inner = leaf[7] if len(leaf) > 7 and isinstance(leaf[7], list) else [None, ""]
            files.append([f"{words(inner[1])}.eml", ""])
        elif not kind.startswith("text/") or "filename" in names or "name" in names:
            files.append([names.get("filename") or names.get("name") or "", ""])
    sender = (envelope[2] or [[None] * 4])[0]
    address = f"{sender[2]}@{sender[3]}" if sender[2] and sender[3] else ""
    return {"subject": words(envelope[1]), "from": [words(sender[0]), address], "text": None, "files": files}


home = pathlib.Path(tempfile.mkdtemp())
try:
    paths = sorted(pathlib.Path(sys.argv[1]).glob("*.eml"))
    for folder in ("cur", "new", "tmp"):
        (home / "Maildir" / folder).mkdir(parents=True)
    for number, path in enumerate(paths):
        shutil.copy(path, home / "Maildir" / "cur" / f"{1_000_000 + number}.{path.stem}.x:2,S")
    (home / "dovecot.conf").write_text(
        f"base_dir={home}/run\nlog_path=/dev/null\nssl=no\nfirst_valid_uid=1\nfirst_valid_gid=1\n"
        f"mail_uid={account}\nmail_gid={account}\n"
        f"mail_location=maildir:{home}/Maildir\n"
    )
    subprocess.run(["chown", "-R", account, str(home)], check=True)
    home.chmod(0o755)
    found = subprocess.run(
        ["doveadm", "-f", "json", "-c", str(home / "dovecot.conf"), "fetch"]
        + ["guid imap.envelope imap.bodystructure", "mailbox", "INBOX"],
        capture_output=True,
        check=True,
        # Without the server nobody looks users up; the process is the user.
        user=account,
        group=account,
        extra_groups=[],
        env={"HOME": str(home), "USER": account, "PATH": "/usr/bin:/bin"},
    ).stdout.decode("utf-8", "surrogateescape").encode("utf-8", "surrogateescape").decode("latin1")
    readings = {}
    for one in json.loads(found):
        name = one["guid"].split(".")[1]
        try:
            readings[name] = reading(one["imap.envelope"], one["imap.bodystructure"])
        except (AttributeError, IndexError, TypeError):
            continue  # Bytes that JSON cannot carry made the answer unreadable.
    print(json.dumps(readings))
finally:
    shutil.rmtree(home)
