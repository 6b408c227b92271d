#!/usr/bin/python3
"""POP with a real server: the line is cut at any byte of a session, again and again, and in the end each mail is here exactly once; what is
left on the server is what was asked for. A new UIDVALIDITY, which may rename every mail there, brings no second copy."""
import random

from fulmar import SOAK, Proxy, account, message, run_tests

COUNT = 5
CUTS = 8


def start(test):
    folders = {"INBOX": [(message("Letter %d" % number, body="Line %d of it.\n" % number * 12, ident="pop.%d@test" % number), 0)
                         for number in range(COUNT)]}
    server = test.dovecot(fill=folders)
    return server, test.enter(Proxy(server.pop))


def new_home(test, link, leave, name="home"):
    home = test.home(name)
    home.configure(account("pop+plain", port=link.port, leave=leave))
    return home


def once_each(home, what):
    rows = home.json("list", "--json", "work/INBOX")
    assert sorted(row["message_id"] for row in rows) == ["pop.%d@test" % number for number in range(COUNT)], (what, rows)


def cut_everywhere(test, leave, left):
    """One home keeps what it got while the line is cut ever elsewhere; then it may end in peace."""
    server, link = start(test)
    new_home(test, link, "forever", "measured").cli("sync")
    session = link.down
    seed = random.SystemRandom().randrange(1 << 30)
    source = random.Random(seed)
    test.say("%d bytes, seed %d" % (session, seed))
    home = new_home(test, link, leave)
    for place in range(1, session) if SOAK else sorted(source.sample(range(1, session), CUTS)):
        link.cut_after = place
        home.cli("sync", check=False, timeout_s=60)
    link.cut_after = None
    for _ in range(2):
        home.cli("sync")
        once_each(home, "leave = %s, seed %d" % (leave, seed))
    assert server.counts()["INBOX"][0] == left, (leave, server.counts())
    server.stop()
    for row in home.json("list", "--json", "work/INBOX"):
        assert "of it." in home.cli("show", "--text", row["id"]).stdout, row


def forever(test):
    cut_everywhere(test, "forever", COUNT)


def days(test):
    cut_everywhere(test, "14d", COUNT)


def until_deleted(test):
    cut_everywhere(test, "until-deleted", COUNT)


def none(test):
    cut_everywhere(test, "none", 0)


def renamed(test):
    server, link = start(test)
    home = new_home(test, link, "forever")
    home.cli("sync")
    once_each(home, "before")
    server.doveadm("mailbox", "update", "-u", "ada", "--uid-validity", "77777", "INBOX")
    for _ in range(2):
        home.cli("sync")
        once_each(home, "after the new UIDVALIDITY")
    assert server.counts()["INBOX"][0] == COUNT


if __name__ == "__main__":
    run_tests(forever, days, until_deleted, none, renamed)
