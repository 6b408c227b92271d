#!/usr/bin/python3
"""POP with a real server: the line is cut at any byte of a session, again and again, and in the end each mail is here exactly once; what is
left on the server is what was asked for. A new UIDVALIDITY, which may rename every mail there, brings no second copy. `leave` and size_limit change at any
time, folders are here only."""
import os
import random
import time

from fulmar import ENTER, SOAK, Proxy, account, message, run_tests, wait_for

COUNT = 5
CUTS = 8
KILLS = 12 if not SOAK else 400


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


def subjects(server):
    """What is on the server, from its files."""
    found = []
    for place in ["new", "cur"]:
        folder = os.path.join(server.maildir(), place)
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as mail:
                found.append(next(line for line in mail if line.startswith(b"Subject: "))[9:].strip().decode())
    return sorted(found)


def letters(*numbers):
    return ["Letter %d" % number for number in numbers]


def later(home, seconds=660):
    """What a stricter `leave` deletes is told some minutes before."""
    passed = int(home.extra_environment.get("FULMAR_TEST_CLOCK_OFFSET", "0"))
    home.extra_environment["FULMAR_TEST_CLOCK_OFFSET"] = str(passed + seconds)


def changed(test):
    """`leave` gets stricter: what it will delete is told, once, and deleted when the time has come; from the command line."""
    server, link = start(test)
    home = new_home(test, link, "forever")
    home.cli("sync")
    rows = {row["subject"]: row["id"] for row in home.json("list", "--json", "work/INBOX")}
    home.cli("delete", rows["Letter 1"], rows["Letter 3"])
    inbox = home.folders()["work/INBOX"]
    assert (inbox["server_total"], inbox["total"]) == (COUNT, COUNT - 2) and inbox["server_bytes"] > 1000, inbox
    for leave, told, left in [("until-deleted", 2, [0, 2, 4]), ("forever", 0, [0, 2, 4]), ("none", 3, [])]:
        before = subjects(server)
        home.configure(account("pop+plain", port=link.port, leave=leave))
        run = home.cli("sync")
        assert ("leave = %s: from " % leave in run.stderr and " on %d messages" % told in run.stderr) == (told > 0), run.stderr
        assert subjects(server) == before, (leave, subjects(server))
        for _ in range(2):
            run = home.cli("sync")
            assert "leave = " not in run.stderr and subjects(server) == before, (run.stderr, subjects(server))
        later(home)
        home.cli("sync")
        assert subjects(server) == letters(*left), (leave, subjects(server))
    assert [home.folders()["work/" + name]["total"] for name in ("INBOX", "Trash")] == [COUNT - 2, 2]
    assert home.folders()["work/INBOX"]["server_total"] == 0
    assert "0 messages, 0 bytes on the server" in home.cli("doctor", check=False).stdout


def changed_on_screen(test):
    """The configuration is saved while the screen runs."""
    server, link = start(test)
    home = new_home(test, link, "forever")
    screen = test.enter(home.screen(columns=160))
    screen.wait("line 1 of %d" % COUNT)
    screen.wait("%d on the server (" % COUNT)  # in the top line: what lies on the server
    home.configure(account("pop+plain", port=link.port, leave="none"))
    screen.wait(", %d to go at " % COUNT)
    screen.press("$", "up to date")
    assert subjects(server) == letters(*range(COUNT))
    assert screen.quit() == 0
    later(home)
    screen = test.enter(home.screen(columns=160))
    screen.wait("0 on the server (0 bytes)")
    assert subjects(server) == []
    assert screen.quit() == 0
    once_each(home, "changed while running")


def changed_while_watching(test):
    """The same for `sync --watch`."""
    server, link = start(test)
    home = new_home(test, link, "forever")
    job = home.start_cli("sync", "--watch")
    test.stack.callback(job.kill)
    assert job.stdout.readline().endswith(b" new\n")
    home.configure(account("pop+plain", port=link.port, leave="none"))
    told = job.stdout.readline().decode()
    assert told.startswith("fulmar: work: leave = none: from ") and " on %d messages" % COUNT in told, told
    assert subjects(server) == letters(*range(COUNT))
    job.terminate()
    job.wait(20)
    once_each(home, "changed while watching")


def killed(test):
    """kill -9 at any moment while policies and limits change and mail arrives; whoever was told nothing has lost nothing, and in the end each mail is
    here once, whole, and the server has what the last policy says."""
    server, link = start(test)
    link.rate_bps = 60000
    seed = random.SystemRandom().randrange(1 << 30)
    source = random.Random(seed)
    home = test.home()
    total, alive = COUNT, 0
    for round_number in range(KILLS):
        leave, limit = source.choice(["forever", "until-deleted", "14d", "none"]), source.choice(["none", "1k", "5k"])
        home.configure(account("pop+plain", port=link.port, leave=leave, size_limit=limit))
        if round_number % 3 == 0:
            server.deliver(message("Letter %d" % total, body="Line %d of it.\n" % total * source.choice([12, 200]), ident="pop.%d@test" % total))
            total += 1
        job = home.start_cli("sync")
        end = time.monotonic() + source.uniform(0.03, 0.5)
        wait_for(lambda: time.monotonic() > end or job.poll() is not None, "the moment", 5)
        alive += job.poll() is None
        job.kill()
        job.communicate()
    link.rate_bps = None
    test.say("killed %d of %d times in mid-work (seed %d)" % (alive, KILLS, seed))
    for leave, left in [("forever", None), ("none", 0)]:
        home.configure(account("pop+plain", port=link.port, leave=leave))
        for _ in range(2):
            home.cli("sync")
            rows = home.json("list", "--json", "work/INBOX")
            assert sorted(row["message_id"] for row in rows) == sorted("pop.%d@test" % number for number in range(total)), (seed, rows)
            assert not any(row.get("stub") for row in rows), (seed, rows)
            later(home)
        assert left is None or server.counts()["INBOX"][0] == left, (seed, server.counts())
    server.stop()
    for row in rows:
        number = row["subject"].split()[1]
        assert "Line %s of it." % number in home.cli("show", "--text", row["id"]).stdout, (seed, row)


def stubs(test):
    """Over size_limit only the header is fetched; the list says so, and `fetch` brings the rest, from the command line and the screen."""
    server = test.dovecot(fill={"INBOX": [(message("Small one", body="Small text.\n", ident="small@test"), 0),
                                          (message("Large one", body="Large text.\n" * 3000, ident="large@test"), 0),
                                          (message("Larger one", body="Larger text.\n" * 4000, ident="larger@test"), 0)]})
    home = test.home()
    home.configure(account("pop+plain", port=server.pop, leave="none", size_limit="10k"))
    home.cli("sync")
    assert subjects(server) == ["Large one", "Larger one"], subjects(server)  # of these the server has the only copy
    rows = {row["subject"]: row for row in home.json("list", "--json", "work/INBOX")}
    assert [name for name in rows if rows[name].get("stub")] == ["Larger one", "Large one"], rows
    run = home.cli("show", rows["Large one"]["id"], check=False)
    assert run.returncode == 1 and "fulmar fetch" in run.stderr, run.stderr
    assert home.cli("fetch", rows["Large one"]["id"]).stdout == "1 message is whole\n"
    assert "Large text." in home.cli("show", rows["Large one"]["id"]).stdout
    screen = test.enter(home.screen())
    screen.wait("[header] Larger one")
    assert "[header] Large one" not in screen.text()
    screen.press(ENTER, "Only the header was fetched")
    assert "Subject: Larger one" in screen.text()
    screen.press("G", "Larger text.")
    screen.wait(lambda: "[header]" not in screen.text())
    screen.keys("$")
    wait_for(lambda: subjects(server) == [], lambda: "the server to be empty: %s" % subjects(server))
    assert screen.quit() == 0
    # Offline the wish is kept.
    server.deliver(message("Largest one", body="Largest text.\n" * 5000, ident="largest@test"))
    home.cli("sync")
    identity = next(row["id"] for row in home.json("list", "--json", "work/INBOX") if row.get("stub"))
    server.stop()
    run = home.cli("fetch", identity, check=False)
    assert run.returncode == 1 and "the next session brings it" in run.stderr, run.stderr
    server.start()
    home.configure(account("pop+plain", port=server.pop, leave="none", size_limit="10k"))
    home.cli("sync")
    assert "Largest text." in home.cli("show", identity).stdout


def folders(test):
    """Folders of a POP account are here only: made, renamed, filled and deleted from the command line and the screen; the server's copies stay."""
    server, link = start(test)
    home = new_home(test, link, "forever")
    home.cli("sync")
    rows = {row["subject"]: row["id"] for row in home.json("list", "--json", "work/INBOX")}
    assert home.cli("folder", "create", "work/Travel").stdout == "created work/Travel\n"
    home.cli("folder", "create", "work/Travel/2026")
    home.cli("move", "work/Travel/2026", rows["Letter 1"])
    home.cli("copy", "work/Travel", rows["Letter 2"])
    home.cli("folder", "rename", "work/Travel", "Journeys")
    for wrong, words in [(["create", "work/Journeys"], "of that name already"), (["create", "work/inbox"], "of that name already"),
                         (["create", "work/a//b"], "no empty part"), (["delete", "--yes", "work/INBOX"], "can't be deleted"),
                         (["rename", "work/Trash", "Bin"], "can't be renamed"), (["delete", "work/Nowhere"], "Nowhere"),
                         (["create", "elsewhere/x"], "no account"), (["create", "Journeys"], "ACCOUNT/NAME")]:
        run = home.cli("folder", *wrong, check=False)
        assert run.returncode == 1 and words in run.stderr, (wrong, run.stderr)
    counts = {name: row["total"] for name, row in home.folders().items()}
    assert (counts["work/INBOX"], counts["work/Journeys"], counts["work/Journeys/2026"]) == (COUNT - 1, 1, 1), counts
    assert "work/Travel" not in counts
    screen = test.enter(home.screen())
    screen.wait("Journeys")
    screen.command("create-folder work/Bills", "created work/Bills")
    screen.wait("Bills")
    screen.command("move work/Bills", lambda: "moved 1 to work/Bills" in screen.text())
    screen.command("rename-folder work/Bills", "new name: ")
    screen.press("\x15" + "Money" + ENTER, "renamed work/Bills to Money")
    screen.command("delete-folder work/Journeys/2026", "It can't be undone")
    screen.press("y", "deleted folder work/Journeys/2026")
    assert screen.quit() == 0
    for _ in range(2):
        home.cli("sync")
        counts = {name: row["total"] for name, row in home.folders().items()}
        assert (counts["work/INBOX"], counts["work/Money"], counts["work/Journeys"]) == (COUNT - 2, 1, 1), counts
        assert "work/Journeys/2026" not in counts
    assert subjects(server) == letters(*range(COUNT))
    # What was in the deleted folder was deleted here.
    home.configure(account("pop+plain", port=link.port, leave="until-deleted"))
    home.cli("sync")
    later(home)
    home.cli("sync")
    assert subjects(server) == letters(0, 2, 3, 4)


def both_ways(test):
    """One mailbox by POP and by IMAP: POP leaves everything on the server, and says so."""
    server, link = start(test)
    home = test.home()
    home.configure(account("pop+plain", port=link.port, leave="none") + account("imap+plain", name="same", port=server.imap))
    for _ in range(2):
        run = home.cli("sync")
        assert "`work` (POP) and `same` (IMAP) read the same mailbox" in run.stderr, run.stderr
    assert subjects(server) == letters(*range(COUNT))
    once_each(home, "by POP")
    assert "the same as that of same" in home.cli("doctor", check=False).stdout


if __name__ == "__main__":
    run_tests(forever, days, until_deleted, none, renamed, changed, changed_on_screen, changed_while_watching, killed, stubs, folders, both_ways)
