#!/usr/bin/python3
"""Two-way work against a real Dovecot, beside what a plain script needs for the same: ten thousand starred and moved (from the key to the screen, and
until the server has done it), a return to a large folder with nothing new and with a hundred changes, and fifty folders looked over. BENCH_SIZE as in
bench.py, at least 10k."""
import contextlib
import imaplib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../e2e"))
from fulmar import PASSWORD, PROGRAM, TOP, Dovecot, Home, Proxy, Skip, account, message, pyte  # noqa: E402

COUNT = max(10000, {"1k": 1000, "10k": 10000, "100k": 100000, "1m": 1000000}[os.environ.get("BENCH_SIZE", "10k").lower()])
SOME = 10000
NEWEST = "b%07d" % (COUNT - 1)
GENERATOR = os.path.join(os.path.abspath(TOP), "tests/bench/gen-mail")


def say(what, unit, value, target="-"):
    print("  %-64s %10.3f %-4s (target %s)" % (what, value, unit, target), flush=True)


class Bench:
    def __init__(self, folder):
        os.makedirs(folder + "/d")
        self.folder, self.server = folder, Dovecot(folder + "/d", users=("ada", "bob"))
        for user in "ada", "bob":
            subprocess.run([GENERATOR, self.server.maildir(user), str(COUNT)], check=True)
            self.server.who.give(self.server.home(user))
        self.home = Home(folder + "/home")

    def configure(self, proxy):
        self.home.configure(account("imap+plain", port=proxy.port, offline="headers") + "[ui]\nthreads = false\nsort = -date\nlayout = list\n")

    @contextlib.contextmanager
    def raw(self, user="ada"):
        with imaplib.IMAP4("127.0.0.1", self.server.imap) as client:
            client.login(user, PASSWORD)
            yield client

    def script(self, *commands):
        """Seconds that commands take, one after the other, on an open mailbox as large as ours."""
        with self.raw("bob") as client:
            client.create("Archive")
            client.select("INBOX")
            began = time.monotonic()
            for command in commands:
                assert client.uid(*command)[0] == "OK", command
            return time.monotonic() - began

    def until(self, client, condition):
        began = time.monotonic()
        while not condition(client):
            if time.monotonic() - began > 300:
                raise AssertionError("not done in five minutes")
            time.sleep(0.05)

    def status(self, client, folder, word):
        answer = client.status(folder, "(%s)" % word)[1][0].decode()
        return int(answer.rsplit(" ", 1)[1].rstrip(")"))

    def whole(self):
        """All headers are here."""
        while self.home.folders().get("work/INBOX", {}).get("total") != COUNT:
            self.home.cli("sync", timeout_s=3600)


def starred(client):
    client.select("INBOX", True)
    return len(client.search(None, "FLAGGED")[1][0].split())


def tag_the_newest(screen):
    """All ten thousand, or with more mail those that a limit of the same size holds."""
    if COUNT > SOME:
        screen.keys("lsubject:b%s*\r" % NEWEST[1:-4])
        screen.settle(1.0, 60)
    screen.press("T", lambda: "tag" in screen.last_line().lower(), "what is to be tagged")
    screen.keys("*\r")
    screen.wait(lambda: re.search(r"[\d,]+ tagged|tagged [\d,]+", screen.text()), "so many are tagged", timeout_s=60)
    screen.settle(0.5, 60)


def both_ways(bench):
    newest = "%d:*" % (COUNT - SOME + 1)
    plain_flags = bench.script(("store", newest, "+FLAGS.SILENT", "(\\Flagged)"))
    plain_move = bench.script(("move", newest, "Archive"))
    with bench.raw() as client, bench.home.screen("work/INBOX") as screen:
        client.create("Archive")
        screen.wait(NEWEST, timeout_s=60)
        screen.settle(1.0, 60)
        tag_the_newest(screen)
        began = time.monotonic()
        painted = screen.latency(";F", limit_s=10, shows=lambda: "F" in screen.line(1)[:24]) or 0
        bench.until(client, lambda client: starred(client) >= SOME)
        say("%d starred: key to screen" % SOME, "s", painted, "0.016")
        say("%d starred: done on the server" % SOME, "s", time.monotonic() - began, "%.3f: 1.5 times the script's" % (1.5 * plain_flags))
        total = bench.status(client, "INBOX", "MESSAGES")
        client.unselect()
        screen.settle(1.0, 60)
        tag_the_newest(screen)
        screen.keys(";s")
        screen.settle(0.5)
        screen.keys("Archive")
        screen.settle(0.5)
        began = time.monotonic()
        painted = screen.latency("\r", limit_s=20, shows=lambda: "x " in screen.line(1)[20:26] or NEWEST not in screen.text()) or 0
        screen.wait(lambda: NEWEST not in screen.text(), timeout_s=60)
        say("%d moved: the rows have left the list, durably" % SOME, "s", time.monotonic() - began)
        bench.until(client, lambda client: bench.status(client, "INBOX", "MESSAGES") <= total - SOME)
        say("%d moved: key to screen" % SOME, "s", painted, "0.016")
        say("%d moved: done on the server" % SOME, "s", time.monotonic() - began, "%.3f: 1.5 times the script's" % (1.5 * plain_move))
        screen.quit(60)


def returned(bench, proxy, what, targets):
    proxy.clear()
    bench.home.cli("sync", timeout_s=600)
    say(what + ": bytes down, sign-ins included", "kB", proxy.down / 1024, targets[0])
    say(what + ": round trips, sign-ins included", "", proxy.turns, targets[1])


def returns(bench, proxy):
    returned(bench, proxy, "a return, nothing new", ("4", "3 after each sign-in"))
    with bench.raw() as client:
        client.select("INBOX")
        uids = client.uid("search", None, "ALL")[1][0].split()
        step = max(len(uids) // 100, 1)
        client.uid("store", b",".join(uids[::step][:100]), "+FLAGS.SILENT", "(\\Flagged)")
    returned(bench, proxy, "a return, 100 changes", ("20", "-"))


def fifty(bench, proxy):
    with bench.raw() as client:
        for number in range(50):
            client.create("box%02d" % number)
            client.append("box%02d" % number, None, None, message("in box %d" % number))
    bench.home.cli("sync", timeout_s=600)
    returned(bench, proxy, "50 more folders looked over", ("-", "3 after each sign-in"))


def main():
    if pyte is None or not os.access(GENERATOR, os.X_OK) or not os.access(PROGRAM, os.X_OK):
        print("skipped: needs python3-pyte, %s and %s" % (GENERATOR, PROGRAM))
        return 0
    folder = tempfile.mkdtemp(prefix="fm-", dir="/tmp")  # Dovecot needs a short path
    os.chmod(folder, 0o755)
    try:
        bench = Bench(folder)
        print("Two-way work, %d mails:" % COUNT, flush=True)
        with bench.server, Proxy(bench.server.imap) as proxy:
            for user in "ada", "bob":
                bench.server.doveadm("index", "-u", user, "INBOX")
            bench.configure(proxy)
            bench.whole()
            returns(bench, proxy)
            fifty(bench, proxy)
            both_ways(bench)
    except Skip as reason:
        print("no figures: %s" % reason)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
