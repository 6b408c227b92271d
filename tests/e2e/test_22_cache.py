#!/usr/bin/python3
"""The cache's size: cache_limit keeps the newest mail and gives up the rest, never what is starred; what is not here is listed, found by its headers, and
fetched when it is read. A higher limit fetches again what a lower one gave up. And room on the server: only for what a backup holds whole."""
import glob
import hashlib
import os
import sqlite3
import time

from fulmar import account, message, run_tests, wait_for

DAYS, BODY = 30, "word of the body\n" + "x" * 75 * 134 + "\n"  # about 10 KB a mail, a mail a day
NOON = 1790000000 // 86400 * 86400 + 43200


def date_of(day):
    return time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(NOON + day * 86400))


def fill(server):
    for day in range(DAYS):
        mail = message("day %02d" % day, body=BODY, ident="day%d@cache" % day)
        server.append("INBOX", mail.replace(mail[:mail.index(b"\r\n")], ("Date: " + date_of(day)).encode()), flags="\\Flagged" if day == 3 else "")


class Cache:
    def __init__(self, test):
        self.server, self.home = test.dovecot(), test.home()
        fill(self.server)

    def limit(self, *lines):
        self.home.configure(account("imaps", port=self.server.imaps, ca=self.server.ca.path) + "".join(line + "\n" for line in lines))

    def kept(self):
        """The days whose bodies are here."""
        with sqlite3.connect("file:%s/data/state.db?mode=ro" % self.home.folder, uri=True) as base:
            return [int(subject.split()[1]) for subject, in base.execute("SELECT subject FROM msg WHERE blob_id IS NOT NULL ORDER BY date")]

    def files(self):
        return [os.path.join(folder, name) for folder, _, names in os.walk(self.home.folder + "/data/mail") for name in names]

    def age_files(self):
        """As if all had come hours ago."""
        for path in self.files():
            os.utime(path, (time.time() - 86400,) * 2)

    def sync(self):
        self.age_files()
        self.home.cli("sync")
        return self.kept()


def limit(test):
    cache = Cache(test)
    cache.limit("cache_limit = 105K")
    assert cache.sync() == list(range(20, 30)), cache.kept()
    rows = {row["subject"]: row["id"] for row in cache.home.json("list", "--json", "--limit", "99", "work/INBOX")}
    assert len(rows) == DAYS, "all are listed"
    assert "day 05" in cache.home.cli("search", "subject:\"day 05\"").stdout, "found by its header"

    # Without a limit everything is fetched; with one again, the starred mail stays with the newest.
    cache.limit()
    assert cache.sync() == list(range(DAYS)), cache.kept()
    cache.limit("cache_limit = 55K")
    assert cache.sync() == [3] + list(range(25, 30)), cache.kept()
    cache.home.cli("show", "--text", rows["day 25"])

    # Read again it is fetched again, and stays for the moment.
    with cache.home.screen("work/INBOX") as screen:
        screen.wait(lambda: "day 29" in screen.text())
        screen.press("*", lambda: "day 00" in screen.cursor_line())
        screen.press("\r", lambda: "Subject: day 00" in screen.text() and "word of the body" in screen.text())
        wait_for(lambda: len(cache.kept()) == 7, "the body is here")
        # The files of what was given up go behind the screen.
        screen.wait(lambda: len(cache.files()) == 7, "the files go", timeout_s=60)
    cache.home.cli("sync")
    assert 0 in cache.kept(), "it was opened a moment ago"
    assert cache.sync() == [3] + list(range(25, 30)), cache.kept()


def days(test):
    cache = Cache(test)
    cache.limit("offline = all")
    assert cache.sync() == list(range(DAYS))
    # The clock is where the mail's newest day was ten days ago.
    ago = (int(time.time()) - NOON) // 86400
    cache.limit("offline = %dd" % (ago - 19))
    assert cache.sync() in ([3] + list(range(20, 30)), [3] + list(range(19, 30))), cache.kept()


def freeing(test):
    cache = Cache(test)
    cache.limit()
    cache.sync()
    backup, days = test.path("backup"), (int(time.time()) - NOON) // 86400
    free = ["free", "--older", str(days - 9), backup, "work/INBOX"]

    def on_server():
        return len(cache.server.listing("INBOX"))
    run = cache.home.cli(*free[:-2], "--yes", *free[-2:])
    assert "are not in the backup" in run.stdout and "nothing to free" in run.stdout, run.stdout
    assert cache.home.cli("export", backup).stdout.startswith("30 copied, 0 there"), "the first run"
    files = glob.glob(backup + "/work/INBOX/cur/*")
    assert all(os.path.basename(path)[:64] == hashlib.sha256(open(path, "rb").read()).hexdigest() for path in files), files
    before = {path: os.stat(path).st_ino for path in files}
    assert cache.home.cli("export", backup).stdout == "0 copied, 30 there already\n"
    assert {path: os.stat(path).st_ino for path in files} == before, "nothing is written twice"

    # Damage of the same size is seen by who reads.
    hurt = [path for path in files if b"Subject: day 05" in open(path, "rb").read()][0]
    with open(hurt, "r+b") as out:
        out.seek(-20, os.SEEK_END)
        out.write(b"?")
    refused = cache.home.cli(*free, check=False)
    assert refused.returncode == 1 and "without --yes" in refused.stderr and on_server() == DAYS, refused.stderr
    assert "1 old messages stay: starred" in refused.stdout and "1 old messages stay: their copies in the backup are damaged" in refused.stdout
    old = int(refused.stdout.split(" messages, ")[0].split()[-1])
    cache.home.cli(*free[:-2], "--yes", *free[-2:])
    cache.home.cli("sync")
    wait_for(lambda: cache.home.cli("sync") and on_server() == DAYS - old, lambda: "%d on the server, not %d" % (on_server(), DAYS - old), 60)
    assert [subject for subject in ("day 03", "day 05", "day 29") if subject in cache.home.cli("list", "--limit", "99", "work/INBOX").stdout] == [
        "day 03", "day 05", "day 29"], "what is starred, damaged in the backup, or young stays"
    assert cache.home.cli("export", "--verify", backup).stdout.startswith("1 copied"), "the damaged one is made anew"
    assert len(glob.glob(backup + "/work/INBOX/cur/*")) == DAYS, "and nothing leaves the backup"
    assert hashlib.sha256(open(hurt, "rb").read()).hexdigest() == os.path.basename(hurt)[:64]


if __name__ == "__main__":
    run_tests(limit, days, freeing)
