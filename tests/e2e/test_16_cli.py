#!/usr/bin/python3
"""Every line of the command line against an IMAP account and a POP account at a real Dovecot and a Maildir beside them: alone, and beside a process that leads.
Text output has no control characters whatever the mail holds; exit statuses and reasons; a set-up that tells what is wrong, and a doctor that says how to mend it."""
import contextlib
import glob
import hashlib
import json
import mailbox
import os
import re
import signal
import subprocess

from fulmar import PASSWORD, Ca, account, message, run_tests, wait_for

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u200b\ufeff]")
FIELDS = {"id", "account", "folder", "uid", "message_id", "thread", "subject", "from", "to", "date", "size", "flags", "tags", "attachments"}
HOSTILE = "caf\u00e9 \x1b]0;title\x07\x1b[2J\u009b31m\u202eevil\u2028next"


def hostile(ident):
    return message(HOSTILE, body="needle \x1b[31mred\x07 \u009b2J \u202egnp.exe\n", sender="\"\x1b[7mGrace\" <grace@example.org>", ident=ident)


class Three:
    """Accounts work (IMAP), old (POP) and local (Maildir), each with a letter and a hostile mail."""

    def __init__(self, test):
        self.test = test
        self.server = test.dovecot(users=("ada", "bob"))
        self.home = test.home()
        self.mail = os.path.join(self.home.folder, "Mail")
        self.out = test.path("out")
        os.makedirs(self.out)
        sendmail = test.path("sendmail")
        with open(sendmail, "w") as script:
            script.write("#!/bin/sh\nexec cat >%s/$$\n" % self.out)
        os.chmod(sendmail, 0o700)
        for folder in "INBOX", "Filed":
            for part in "cur", "new", "tmp":
                os.makedirs(os.path.join(self.mail, folder, part))
        for name, store in (("work", self.append), ("old", self.deliver), ("local", self.put)):
            store(message("letter of " + name, body="needle in %s\n" % name, ident="letter@" + name))
            store(hostile("hostile@" + name))
        self.server.append("Project", message("project", ident="project@work"))
        self.home.configure(account("imaps", port=self.server.imaps, ca=self.server.ca.path, smtp="sendmail:%s -t" % sendmail)
                            + account("pops", "old", "bob", port=self.server.pops, ca=self.server.ca.path)
                            + "[account local]\naddress = Eve <eve@localhost>\nmaildir = %s\nsmtp = sendmail:%s -t\n" % (self.mail, sendmail))

    def append(self, mail):
        self.server.append("INBOX", mail)

    def deliver(self, mail):
        self.server.deliver(mail, "bob")

    def put(self, mail):
        with open(os.path.join(self.mail, "INBOX/new/%s.host" % hashlib.sha256(mail).hexdigest()), "wb") as out:
            out.write(mail)

    def run(self, *arguments, expect=0, stdin=b""):
        run = self.home.cli(*arguments, check=False, stdin=stdin)
        assert run.returncode == expect, "%s: exit %d\n%s%s" % (arguments, run.returncode, run.stdout, run.stderr)
        assert not CONTROL.search(run.stdout) and not CONTROL.search(run.stderr), "%s: %r %r" % (arguments, run.stdout, run.stderr)
        assert (run.returncode == 0) or run.stderr.startswith("fulmar: "), (arguments, run.stderr)
        return run

    def rows(self, *arguments):
        return [json.loads(line) for line in self.run(*arguments).stdout.splitlines()]


def reading(three):
    folders = {row["folder"]: row for row in three.rows("folders", "--json")}
    assert all(set(row) - {"server_total", "server_bytes"} == {"folder", "total", "unread", "special", "subscribed"} for row in folders.values()), folders
    for folder in "work/INBOX", "old/INBOX", "local/INBOX":
        assert folders[folder]["total"] == 2 and folders[folder]["special"] == "inbox", folders
    assert folders["work/Sent"]["special"] == "sent" and folders["work/Project"]["special"] is None
    assert {row["folder"].split("/")[0] for row in three.rows("-a", "old", "folders", "--json")} == {"old"}
    assert "work/Project" in three.run("folders").stdout
    for name in "work", "old", "local":
        rows = three.rows("list", "--json", name + "/INBOX")
        assert {row["message_id"] for row in rows} == {"letter@" + name, "hostile@" + name} and all(set(row) == FIELDS for row in rows), rows
        letter = next(row for row in rows if row["message_id"].startswith("letter"))
        assert letter["account"] == name and letter["folder"] == name + "/INBOX" and letter["subject"] == "letter of " + name
        assert re.fullmatch(r"2026-11-21T10:\d\d:\d\dZ", letter["date"]) and letter["tags"] == [] and letter["attachments"] == 0, letter
        assert len(three.run("list", "--limit", "1", name + "/INBOX").stdout.splitlines()) == 1
        assert all("depth" in row for row in three.rows("list", "--json", "--threads", name + "/INBOX"))
        assert "letter of" in three.run("list", "--threads", name + "/INBOX").stdout
        assert "needle in " + name in three.run("show", letter["id"]).stdout
        assert "caf\u00e9" in three.run("show", "--text", "id:hostile@" + name).stdout
        three.run("show", "--html", "id:hostile@" + name)
        assert three.rows("show", "--json", "id:letter@" + name)[0]["id"] == letter["id"]
        raw = three.home.cli("show", "--raw", "id:letter@" + name).stdout
        assert "Message-ID: <letter@%s>" % name in raw and "needle in" in raw
    found = {row["message_id"] for row in three.rows("search", "--json", "needle")}
    assert found == {kind + name for kind in ("letter@", "hostile@") for name in ("work", "old", "local")}, found
    assert len(three.rows("search", "--json", "--limit", "2", "needle")) == 2
    assert "letter of old" in three.run("search", "account:old", "subject:letter").stdout
    assert three.run("search", "nosuchwordanywhere").stdout == ""


def acting(three):
    server = three.server
    three.run("move", "work/Project", "id:letter@work")
    three.run("copy", "work/Archive", "id:letter@work")
    three.run("flag", "+flagged", "-seen", "id:project@work")
    three.run("tag", "+todo", "id:project@work")
    three.run("delete", "id:hostile@work")
    three.run("delete", "id:hostile@old")
    three.run("move", "local/Filed", "id:letter@local")
    three.run("flag", "+seen", "id:hostile@local")
    three.run("sync")

    def done():
        here = {folder: {row[2].strip("<>"): row[1] for row in server.listing(folder)} for folder in ("INBOX", "Project", "Archive", "Trash")}
        return (here["INBOX"] == {} and set(here["Project"]) == {"letter@work", "project@work"} and "letter@work" in here["Archive"]
                and "hostile@work" in here["Trash"] and {"\\Flagged", "todo"} <= set(here["Project"]["project@work"]))
    wait_for(done, lambda: "the server has what was done: %r" % {folder: server.listing(folder) for folder in server.counts()})
    wait_for(lambda: len(os.listdir(three.mail + "/Filed/cur")) == 1, "the Maildir's file to move")
    wait_for(lambda: "nothing waits" in three.run("queue").stdout, lambda: three.run("queue").stdout)
    assert three.rows("show", "--json", "id:project@work")[0]["tags"] == ["todo"]
    assert [row["message_id"] for row in three.rows("list", "--json", "old/Trash")] == ["hostile@old"]


def sending(three):
    letter = b"From: Ada <ada@localhost>\nTo: x@example.org\nSubject: out\nMessage-ID: <out@test>\n\nbody\n"
    three.run("send", "-t", "--wait", stdin=letter)
    three.run("-a", "local", "send", "--wait", "y@example.org", stdin=b"Subject: local\n\nbody\n")
    mails = [open(os.path.join(three.out, name)).read() for name in os.listdir(three.out)]
    assert len(mails) == 2 and any("Message-ID: <out@test>" in mail for mail in mails) and any("eve@localhost" in mail for mail in mails), mails
    three.run("sync")
    wait_for(lambda: [row[2] for row in three.server.listing("Sent")] == ["<out@test>"], lambda: three.server.listing("Sent"))
    three.run("send", "-t", stdin=b"Subject: nobody\n\nbody\n", expect=1)
    three.run("-a", "old", "send", "-t", stdin=letter.replace(b"out@", b"old@"), expect=1)


def keeping(three):
    """The backup: what is here, readable by others, added to and never pruned."""
    backup = three.test.path("backup")
    three.run("export", backup)
    there = mailbox.Maildir(backup + "/work/Project", create=False)
    assert {mail["Message-ID"]: mail.get_flags() for mail in there} == {"<letter@work>": "", "<project@work>": "F"}, list(there)
    raw = three.home.cli("show", "--raw", "id:project@work").stdout.encode()
    assert raw in [open(path, "rb").read() for path in glob.glob(backup + "/work/Project/cur/*")]
    three.run("delete", "id:letter@work")
    three.run("flag", "-flagged", "id:project@work")
    again = three.run("export", backup).stdout
    assert re.match(r"[12] copied, [1-9]\d* there already", again), again
    there = mailbox.Maildir(backup + "/work/Project", create=False)
    assert {mail["Message-ID"]: mail.get_flags() for mail in there} == {"<letter@work>": "", "<project@work>": ""}, list(there)
    assert len(mailbox.Maildir(backup + "/local/INBOX", create=False)) == 1
    three.run("index")
    three.run("export", expect=2)


def mistakes(three):
    for words in (["list"], ["show"], ["search", "(open"], ["move", "work/Project"], ["flag", "+seen"], ["tag"], ["queue", "x"], ["doctor", "x"],
                  ["folders", "x"], ["sync", "--what"], ["send", "--what"], ["index", "x"], ["setup", "x"], ["export"], ["--what"], ["-c"],
                  ["work/INBOX", "work/Sent"]):
        three.run(*words, expect=2)
    for words, said in ((["list", "work/INBX"], "did you mean work/INBOX"), (["show", "m99999"], "no message"), (["show", "x"], "id:"),
                        (["-a", "wrk", "folders"], "did you mean work"), (["sync", "wrk/INBOX"], "wrk"), (["sync", "work/Nowhere"], "Nowhere"),
                        (["move", "work/Nowhere", "id:project@work"], "no folder"), (["-c", "/nowhere/conf", "folders"], "fulmar setup"),
                        (["--read-only", "flag", "+seen", "id:project@work"], "read-only"), (["--read-only", "send", "x@y.org"], "read-only")):
        run = three.run(*words, expect=1, stdin=b"Subject: x\n\nx\n")
        assert said in run.stderr, (words, run.stderr)


def alone(test):
    three = Three(test)
    assert re.fullmatch(r"\d+ new\n", three.run("sync").stdout)
    three.run("sync", "work/INBOX", "work/Project")
    three.run("-a", "work", "sync", "INBOX")
    for part in reading, acting, sending, keeping, mistakes:
        part(three)


def beside_a_leader(test):
    three = Three(test)
    leader = three.home.start_cli("sync", "--watch")
    with contextlib.ExitStack() as stack:
        stack.callback(leader.kill)
        wait_for(lambda: leader.stdout.readline().decode().endswith(" new\n"), "the leader's first pass")
        for part in reading, acting, sending, keeping:
            part(three)
        three.append(message("pushed", ident="pushed@work"))
        wait_for(lambda: leader.stdout.readline().decode() == "1 new in work/INBOX\n", "the push")
        leader.send_signal(signal.SIGTERM)
        assert leader.wait(30) == 0
        leader.stdout.close()


def on_the_screen(test):
    """fulmar FOLDER, fulmar mailto:, --read-only, -c, -a."""
    three = Three(test)
    three.run("sync")
    other = test.path("other.conf")
    os.rename(three.home.config, other)
    with three.home.screen("-c", other, "local/INBOX") as screen:
        screen.wait("letter of local")
        assert screen.quit() == 0
    with three.home.screen("-c", other, "-a", "old") as screen:
        screen.wait("letter of old")
        assert screen.quit() == 0
    with three.home.screen("-c", other, "mailto:x@example.org?subject=hello%20there&body=words") as screen:
        screen.wait(lambda: "x@example.org" in screen.text() and "hello there" in screen.text() and "words" in screen.text(), "the composer")
        screen.press("q", "(d)iscard")
        screen.press("d", "letter of work")
        assert screen.quit() == 0
    with three.home.screen("-c", other, "--read-only", "work/INBOX") as screen:
        screen.wait("letter of work")
        screen.press("d", "read-only")
        assert screen.quit() == 0
    assert len(three.server.listing("INBOX")) == 2


def setup(test):
    ca = Ca(test.path("ca"))
    leaves = ca.leaf(), ca.leaf("name")
    for _, key in leaves:
        os.chmod(key, 0o644)  # the servers may run as another user
    server, wrong = test.dovecot(ca=ca, cert=leaves[0]), test.dovecot("w", ca=ca, cert=leaves[1])
    home = test.home()

    def answers(port, password=PASSWORD, host="localhost", keep="n"):
        return "\n".join(["ada@localhost", "Ada Example", "imap", "imaps://%s:%d" % (host, port), "sendmail:/bin/true -t", "ada", "", password, "work",
                          keep, ""]).encode()

    def refused(text, said, remedy):
        run = home.cli("setup", stdin=text, check=False)
        assert run.returncode == 1 and re.search(said, run.stdout) and re.search(remedy, run.stdout), (said, remedy, run.stdout, run.stderr)
        assert "nothing was written" in run.stderr and not os.path.exists(home.config), run.stderr

    refused(answers(server.imaps), "imap localhost.*certificate|issuer|authority", "-> .*tls_ca or tls_pin")
    refused(answers(server.imaps, host="no-such-host.invalid"), "no-such-host.invalid", "-> check the host name")
    plain = answers(server.imap).replace(b"imaps:", b"imap+plain:")
    refused(plain.replace(PASSWORD.encode(), b"wrong"), "BAD  imap", "-> check the user name and the password")
    run = home.cli("setup", stdin=plain)
    assert "ok   imap" in run.stdout and PASSWORD not in run.stdout, run.stdout
    with open(os.path.join(home.folder, "data/secrets/work")) as secret:
        assert secret.read() == PASSWORD
    assert os.stat(home.config).st_mode & 0o777 == 0o600
    home.cli("sync")
    assert "work/INBOX" in home.folders()

    # The doctor on the same troubles, each told with its remedy.
    for text, said, remedy in (
            (account("imaps", port=server.imaps), "imap localhost", "tls_ca or tls_pin"),
            (account("imaps", port=wrong.imaps, ca=wrong.ca.path), "imap localhost", "tls_ca or tls_pin|host name"),
            (account("imaps", port=server.imaps, ca=server.ca.path).replace(PASSWORD, "wrong"), "imap localhost", "user name and the password"),
            (account("imaps", port=1, ca=server.ca.path), "imap localhost:1", "host name, the port"),
            (account("imaps", port=server.pop, ca=server.ca.path), "imap localhost", "->"),
            ("[account work]\naddress = ada@localhost\nmaildir = /nowhere/at/all\n", "/nowhere/at/all", "->"),
            ("[account work]\naddress = ada@localhost\nmbox = %s\n" % home.config, "serves no mbox", "->"),
            (account("imaps", port=server.imaps, ca=server.ca.path, smtp="sendmail:/no/such/program"), "/no/such/program", "->")):
        home.configure(text)
        run = home.cli("doctor", check=False)
        findings = run.stdout[run.stdout.index("BAD "):] if "BAD " in run.stdout else run.stdout
        assert run.returncode == 1 and said in findings and re.search("-> .*(%s)|%s" % (remedy, remedy if "->" in remedy else "^$"), findings), (text, run.stdout)
    home.configure(account("imaps", port=server.imaps, ca=server.ca.path))
    checks = [json.loads(line) for line in home.cli("doctor", "--json", check=False).stdout.splitlines()]
    assert [check for check in checks if check["check"].startswith("work: imap") and check["ok"]], checks


def quota(test):
    """R21: how full the mailbox on the server is."""
    extra = ("mail_plugins = quota\nprotocol imap {\n  mail_plugins = quota imap_quota\n}\n"
             "plugin {\n  quota = count:User quota\n  quota_vsizes = yes\n  quota_rule = *:storage=8000M\n}\n")
    server = test.dovecot(fill={"INBOX": [(message("Large", body="Some text.\n" * 30000), 0)]}, extra=extra)
    home = test.home()
    home.configure(account("imap+plain", port=server.imap))
    home.cli("sync")
    inbox = home.folders()["work/INBOX"]
    assert 300000 < inbox["quota_used"] < 400000 and inbox["quota_limit"] == 8000 << 20, inbox
    assert re.search(r"work/INBOX  \(3[0-9]{2}\.[0-9] kB of 8\.4 GB used on the server\)", home.cli("folders").stdout)
    found = home.cli("doctor", check=False).stdout
    assert re.search(r"; 3[0-9]{2}\.[0-9] kB of 8\.4 GB used", found), found


if __name__ == "__main__":
    run_tests(alone, beside_a_leader, on_the_screen, setup, quota)
