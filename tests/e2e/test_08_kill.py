#!/usr/bin/python3
"""kill -9 again and again during the first sync of a mailbox: each time store and index open again, and in the end everything is here once."""
import random
import time

from fulmar import SOAK, Proxy, account, message, run_tests, wait_for

COUNT = 900 if not SOAK else 9000
KILLS = 14 if not SOAK else 200


def start(test):
    folders = {}
    for folder in ["INBOX", "Lists", "Old"]:
        folders[folder] = [(message("%s letter %d" % (folder, number), body="Word%s%d stands here.\n" % (folder, number) * 30,
                                    ident="%s.%d@test" % (folder, number)), number % 2) for number in range(COUNT // 3)]
    server = test.dovecot(fill=folders)
    home = test.home()
    # A link so slow that the first sync takes longer than all the rounds: else most kills would hit a program that has nothing to do.
    link = test.enter(Proxy(server.imaps))
    link.rate_bps = 100000
    home.configure(account("imaps", port=link.port, ca=server.ca.path))
    return server, home, link


def complete(server, home, link):
    link.rate_bps = None
    home.cli("sync")
    counts = server.counts()
    ours = home.folders()
    for folder, (messages, unseen) in counts.items():
        assert (ours["work/" + folder]["total"], ours["work/" + folder]["unread"]) == (messages, unseen), (folder, ours["work/" + folder])
    rows = [row for folder in ["INBOX", "Lists", "Old"] for row in home.json("list", "--json", "--limit", "100000", "work/" + folder)]
    assert len(rows) == COUNT and len({row["message_id"] for row in rows}) == COUNT
    for number in [0, COUNT // 6, COUNT // 3 - 1]:
        found = home.json("search", "--json", "wordold%d" % number)
        assert [row["message_id"] for row in found] == ["Old.%d@test" % number], (number, found)
    server.stop()
    for row in random.sample(rows, 5):
        assert "stands here" in home.cli("show", "--text", row["id"]).stdout, row


def in_sync(test):
    """The command line's sync, killed after a part of a second that grows."""
    server, home, link = start(test)
    seed = random.SystemRandom().randrange(1 << 30)
    source = random.Random(seed)
    alive = 0
    for _ in range(KILLS):
        job = home.start_cli("sync")
        end = time.monotonic() + source.uniform(0.05, 0.9)
        wait_for(lambda: time.monotonic() > end or job.poll() is not None, "the moment", 5)
        alive += job.poll() is None
        job.kill()
        output = job.communicate()[0].decode(errors="replace")
        assert "corrupt" not in output and "malformed" not in output, output
    test.say("killed %d of %d times in mid-work (seed %d)" % (alive, KILLS, seed))
    assert alive > KILLS // 2
    complete(server, home, link)


def on_screen(test):
    """The screen, killed at what it shows: the first row, the first count, and so on."""
    server, home, link = start(test)
    for moment in ["work", "INBOX", "line 1 of", "pushed", "line 1 of", "pushed"]:
        screen = test.enter(home.screen())
        screen.wait(moment)
        screen.kill()
    complete(server, home, link)


if __name__ == "__main__":
    run_tests(in_sync, on_screen)
