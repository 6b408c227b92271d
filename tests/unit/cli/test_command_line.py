#!/usr/bin/python3
"""The command line on a local mail tree: what each command prints and returns, alone and beside another process that holds the lease."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.path.abspath(os.environ.get("FULMAR_PROGRAM", "src/fulmar"))
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
DEADLINE_S = 60


def text_of(path):
    with open(path) as file:
        return file.read()


class Home:
    def __init__(self, extra=""):
        self.dir = tempfile.mkdtemp(prefix="fulmar-cli-")
        self.mail = os.path.join(self.dir, "Mail")
        for folder in "INBOX", "Filed":
            for part in "cur", "new", "tmp":
                os.makedirs(os.path.join(self.mail, folder, part))
        self.config = os.path.join(self.dir, "fulmar.conf")
        with open(self.config, "w") as out:
            out.write("[account local]\naddress = Ada <ada@localhost>\nmaildir = %s\n%s" % (self.mail, extra))
        self.env = dict(os.environ, FULMAR_HOME=self.dir, TZ="UTC", LC_ALL="C.UTF-8")

    def deliver(self, number, subject="letter", body="text", seen=True):
        name = "%d.M%dP1.host%s" % (1700000000 + number, number, ":2,S" if seen else "")
        with open(os.path.join(self.mail, "INBOX", "cur" if seen else "new", name), "wb") as out:
            out.write(("From: Grace <g%d@example.org>\nTo: ada@localhost\nSubject: %s %d\nDate: Mon, 02 Nov 2026 10:%02d:00 +0000\n"
                       "Message-ID: <m%d@x>\n\n%s\n" % (number, subject, number, number, number, body)).encode())

    def run(self, *arguments, stdin="", expect=0):
        done = subprocess.run([PROGRAM, *arguments], env=self.env, input=stdin.encode(), capture_output=True, timeout=DEADLINE_S)
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == expect, "%s: exit %d, not %d: %s" % (arguments, done.returncode, expect, err)
        assert not CONTROL.search(out) and not CONTROL.search(err), "%s prints control characters: %r %r" % (arguments, out, err)
        self.err = err
        return out

    def rows(self, *arguments):
        return [json.loads(line) for line in self.run(*arguments).splitlines()]

    def counts(self):
        return {row["folder"]: row["total"] for row in self.rows("folders", "--json")}

    def files(self, folder):
        return sorted(os.listdir(os.path.join(self.mail, folder, "cur")))

    def close(self):
        shutil.rmtree(self.dir)


class Leader:
    """`fulmar sync --watch`, which holds the lease as a screen does."""

    def __init__(self, home):
        self.process = subprocess.Popen([PROGRAM, "sync", "--watch"], env=home.env, stdout=subprocess.PIPE)
        assert self.process.stdout.readline().endswith(b" new\n")

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        status = self.process.wait(DEADLINE_S)
        self.process.stdout.close()
        return status


def wait_until(check, what):
    deadline = time.monotonic() + DEADLINE_S
    while not check():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.home = Home()
        for number in range(1, 6):
            self.home.deliver(number, body="needle%d" % number)

    def tearDown(self):
        self.home.close()

    def test_reading(self):
        home = self.home
        home.deliver(6, subject="caf\u00e9 \x1b[31m\x07 \u009b2J \u2028", seen=False)
        self.assertRegex(home.run("sync"), r"^\d+ new\n$")
        self.assertEqual(home.counts(), {"local/INBOX": 6, "local/Filed": 0})
        rows = home.rows("list", "--json", "local/INBOX")
        self.assertEqual([row["message_id"] for row in rows], ["m%d@x" % n for n in (6, 5, 4, 3, 2, 1)])
        newest = rows[0]
        self.assertEqual(set(newest), {"id", "account", "folder", "uid", "message_id", "thread", "subject", "from", "to", "date", "size", "flags",
                                       "tags", "attachments"})
        self.assertEqual((newest["date"], newest["flags"], newest["account"]), ("2026-11-02T10:06:00Z", [], "local"))
        self.assertEqual(len(home.run("list", "--limit", "2", "local/INBOX").splitlines()), 2)
        self.assertIn("needle3", home.run("show", "id:m3@x"))
        self.assertIn("caf\u00e9", home.run("show", newest["id"]))
        self.assertIn("Message-ID: <m3@x>", home.run("show", "--raw", "id:m3@x"))
        self.assertEqual(home.rows("show", "--json", "id:m3@x")[0]["message_id"], "m3@x")
        home.run("list", "local/INBOX")
        home.run("folders")

    def test_searching_without_a_leader(self):
        home = self.home
        home.run("sync")
        self.assertEqual([row["message_id"] for row in home.rows("search", "--json", "needle4")], ["m4@x"])
        self.assertEqual(len(home.rows("search", "--json", "subject:letter")), 5)
        self.assertEqual(len(home.rows("search", "--json", "--limit", "2", "subject:letter")), 2)
        self.assertEqual(home.run("search", "nosuchwordatall"), "")

    def test_mistakes(self):
        home = self.home
        home.run("sync")
        for words in (["list"], ["list", "--nope", "local/INBOX"], ["show"], ["show", "--nope"], ["search"], ["search", "--nope", "x"],
                      ["search", "(unclosed"], ["move", "local/Filed"], ["flag", "+seen"], ["delete"], ["folders", "x"], ["queue", "x"], ["fetch"], ["folder"],
                      ["folder", "make", "local/x"], ["folder", "rename", "local/x"],
                      ["index", "x"], ["sync", "--nope"], ["send", "--nope"], ["setup", "x"], ["doctor", "x"], ["--nope"]):
            home.run(*words, expect=2)
            self.assertTrue(home.err.startswith("fulmar: "), home.err)
        for words, said in ((["list", "local/INBX"], "local/INBOX"), (["show", "m999"], "no message"), (["show", "word"], "id:"),
                            (["move", "local/Nope", "m1"], "no folder"), (["-a", "locl", "folders"], "local"), (["sync", "nope/x"], "nope/x")):
            home.run(*words, expect=1)
            self.assertIn(said, home.err)
        with open("/dev/full", "w") as full:
            self.assertEqual(subprocess.run([PROGRAM, "folders"], env=home.env, stdout=full, stderr=subprocess.DEVNULL).returncode, 1)

    def test_a_store_that_is_not_served(self):
        """It is said, and the exit says it too; the accounts beside it are synced."""
        home = Home("[account old]\naddress = ada@localhost\nmbox = /dev/null\n")
        self.addCleanup(home.close)
        home.deliver(1)
        home.run("sync", expect=1)
        self.assertRegex(home.err, r"fulmar: .*old is not served: this version reads no mbox")
        self.assertEqual(home.counts()["local/INBOX"], 1)
        home.run("sync", "-a", "local")
        home.run("-a", "old", "sync", expect=1)

    def test_acting_alone(self):
        home = self.home
        home.run("sync")
        self.assertEqual(home.run("flag", "+flagged", "id:m1@x"), "starred 1\n")
        self.assertEqual(home.run("move", "local/Filed", "id:m1@x", "id:m2@x"), "moved 2 to local/Filed\n")
        self.assertEqual(home.counts(), {"local/INBOX": 3, "local/Filed": 2})
        self.assertTrue(home.rows("queue", "--json"))
        self.assertEqual(home.files("Filed"), [])
        home.run("sync")
        wait_until(lambda: len(home.files("Filed")) == 2, "the move was not carried out")
        self.assertEqual(sum(name.endswith(":2,FS") for name in home.files("Filed")), 1)
        home.run("tag", "+todo", "id:m3@x")
        self.assertEqual(home.rows("show", "--json", "id:m3@x")[0]["tags"], ["todo"])
        home.run("flag", "-seen", "id:m3@x")
        self.assertNotIn("seen", home.rows("show", "--json", "id:m3@x")[0]["flags"])

    def test_acting_beside_a_leader(self):
        home, leader = self.home, Leader(self.home)
        home.run("flag", "+flagged", "id:m1@x")
        home.run("move", "local/Filed", "id:m1@x")
        wait_until(lambda: home.files("Filed") and home.files("Filed")[0].endswith(":2,FS"), "the leader did not carry it out")
        home.run("copy", "local/Filed", "id:m2@x")
        wait_until(lambda: len(home.files("Filed")) == 2, "the leader did not carry out the copy")
        home.run("sync")
        home.deliver(7, seen=False)
        self.assertEqual(leader.process.stdout.readline(), b"1 new in local/INBOX\n")
        self.assertEqual(leader.stop(), 0)

    def test_many_at_once(self):
        home, leader = self.home, Leader(self.home)
        many = [subprocess.Popen([PROGRAM, "move", "local/Filed", "id:m%d@x" % number], env=home.env, stdout=subprocess.DEVNULL)
                for number in range(1, 6)]
        self.assertEqual([process.wait(DEADLINE_S) for process in many], [0] * 5)
        leader.stop(signal.SIGKILL)
        home.run("sync")
        wait_until(lambda: len(home.files("Filed")) == 5, "a move was lost")
        self.assertEqual(home.counts(), {"local/INBOX": 0, "local/Filed": 5})

    def test_sending(self):
        home = self.home
        script, sent = os.path.join(home.dir, "sendmail"), os.path.join(home.dir, "sent")
        os.mkdir(sent)
        with open(script, "w") as out:
            out.write("#!/bin/sh\nprintf '%%s\\n' \"$*\" >%s/$$.arguments\nexec cat >%s/$$.mail\n" % (sent, sent))
        os.chmod(script, 0o700)
        with open(home.config, "a") as out:
            out.write("smtp = sendmail:%s\n" % script)
        home.run("sync")

        def mails():
            return [text_of(os.path.join(sent, name)) for name in os.listdir(sent) if name.endswith(".mail")]

        letter = "To: x@example.org\nBcc: secret@example.org\nSubject: one\n\nbody\n"
        home.run("send", "-t", "-oi", "--wait", stdin=letter)
        self.assertEqual(len(mails()), 1)
        self.assertNotIn("secret", mails()[0])
        self.assertTrue(any("secret@example.org" in text_of(os.path.join(sent, name)) for name in os.listdir(sent) if name.endswith(".arguments")))
        home.run("send", "-i", "-f", "ada@localhost", "y@example.org", stdin="Subject: two\n\n.\n")
        wait_until(lambda: len(mails()) == 2, "it was not sent by this process")
        leader = Leader(home)
        home.run("send", "-t", stdin=letter)
        wait_until(lambda: len(mails()) == 3, "the leader did not send it")
        home.run("send", "-t", "--wait", stdin=letter)
        self.assertEqual(len(mails()), 4)
        self.assertEqual(leader.stop(), 0)
        home.run("send", stdin="Subject: nobody\n\nx\n", expect=1)
        home.run("send", "-t", stdin="no header\n", expect=1)
        self.assertEqual(len(mails()), 4)

    def test_queue(self):
        home = self.home
        script, sent = os.path.join(home.dir, "sendmail"), os.path.join(home.dir, "sent")
        with open(script, "w") as out:
            out.write("#!/bin/sh\n[ -e %s.open ] && exec cat >>%s\necho '550 5.1.1 \033[31m no such user' >&2; exit 67\n" % (sent, sent))
        os.chmod(script, 0o700)
        with open(home.config, "a") as out:
            out.write("smtp = sendmail:%s -t\n" % script)
        home.run("sync")
        self.assertEqual(home.run("queue"), "nothing waits\n")
        letter = "To: x@example.org\nBcc: secret@example.org\nSubject: %s\n\nbody\n"
        home.run("send", "-t", "--wait", stdin=letter % "one", expect=1)
        self.assertIn("550 5.1.1", home.err)
        for subject in "two", "three":
            home.run("send", "-t", stdin=letter % subject)
        mails = home.rows("queue", "--json")
        self.assertEqual([(mail["subject"], mail["state"], mail["to"], mail["account"]) for mail in mails],
                         [(subject, "failed", ["x@example.org", "secret@example.org"], "local") for subject in ("one", "two", "three")])
        self.assertIn("no such user", mails[0]["error"])
        one, two, three = (str(mail["id"]) for mail in mails)
        text = home.run("queue")
        self.assertIn("\"one\" to x@example.org", text)
        self.assertIn("fulmar queue retry " + one, text)
        home.run("queue", "retry", one, expect=1)
        self.assertIn("no such user", home.err)
        home.run("queue", "sent", one, expect=1)
        open(sent + ".open", "w").close()
        self.assertEqual(home.run("queue", "retry", one), "trying to send it now\n")
        self.assertEqual(text_of(sent).count("Subject: one"), 1)
        home.run("queue", "retry", one, expect=1)
        leader = Leader(home)
        home.run("queue", "drop", two)
        home.run("queue", "draft", three)
        self.assertEqual(leader.stop(), 0)
        self.assertEqual(text_of(sent).count("Subject: "), 1)
        self.assertEqual([row for row in home.rows("queue", "--json") if row["kind"] == "mail"], [])
        draft, = home.rows("list", "--json", "local/Drafts")
        self.assertEqual((draft["subject"], draft["flags"]), ("three", ["seen", "draft"]))
        self.assertIn(b"Bcc: secret@example.org\r\n", subprocess.check_output([PROGRAM, "show", "--raw", draft["id"]], env=home.env))
        home.run("queue", "retry", "x", expect=2)
        home.run("queue", "nonsense", one, expect=2)

    def test_doctor(self):
        home = self.home
        home.env["TERM"] = "xterm-256color"
        home.run("sync")
        checks = [json.loads(line) for line in subprocess.run([PROGRAM, "doctor", "--json"], env=home.env, capture_output=True).stdout.splitlines()]
        self.assertTrue(all(set(check) == {"check", "ok", "detail", "remedy"} for check in checks))
        self.assertTrue(all(check["ok"] for check in checks if re.match("config|local|store", check["check"])), checks)
        with open(home.config, "a") as out:
            out.write("[account far]\naddress = a@x.org\nimap = imap+plain://a@127.0.0.1:1\npassword_command = echo x\nadress = b\n")
        out = home.run("doctor", expect=1)
        self.assertIn("address", out)
        self.assertRegex(out, r"BAD  far: imap 127.0.0.1:1: .*refused")

    def test_setup(self):
        home = self.home
        before = text_of(home.config)
        answers = ["no address", "ada@example.test", "Ada", "imap", "imap+plain://127.0.0.1:1", "smtp+plain://127.0.0.1:1", "", "", "pass word#%",
                   "local", "far"]
        home.run("setup", stdin="\n".join(answers + ["n", ""]), expect=1)
        home.run("setup", stdin="\n".join(answers[:5]), expect=1)
        self.assertEqual(text_of(home.config), before)
        out = home.run("setup", stdin="\n".join(answers + ["y", ""]))
        self.assertIn("refused", out)
        after = text_of(home.config)
        self.assertTrue(after.startswith(before))
        self.assertIn("[account far]\naddress = Ada <ada@example.test>\nimap = imap+plain://ada%40example.test@127.0.0.1:1\n", after)
        secret = os.path.join(home.dir, "data", "secrets", "far")
        self.assertEqual((text_of(secret), os.stat(secret).st_mode & 0o777), ("pass word#%", 0o600))
        self.assertNotIn("pass word", after)
        out = home.run("setup", stdin="\n".join(["ada@example.test", "", "pop", "pop+plain://127.0.0.1:2", "smtp+plain://127.0.0.1:1", "", "", "word", "more",
                                                 "n", ""]), expect=1)
        self.assertIn("The account far reads the same mailbox by IMAP.", out)


if __name__ == "__main__":
    if not os.path.exists(PROGRAM):
        sys.exit(77)
    unittest.main()
