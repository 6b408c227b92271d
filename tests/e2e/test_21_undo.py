#!/usr/bin/python3
"""Undo, seen by a second connection: everything that has a reverse, after the server confirmed it and after a restart; what has none asks, is held ten
seconds in which it can be taken back, whatever becomes of the program, and is refused with its reason later; Trash and Junk emptied whole."""
import collections
import os
import re

from fulmar import Proxy, account, message, run_tests, wait_for

COUNT = 6


def start(test, trash=0, more="", **keys):
    server = test.dovecot()
    for folder, count in [("INBOX", COUNT), ("Project", 1), ("Trash", trash)]:
        if count:
            server.append(folder, *[message("%s %02d" % (folder, n), ident="%s.%d@test" % (folder.lower(), n)) for n in range(count)], flags="\\Seen")
    home = test.home()
    home.configure(account("imap", port=server.imap, ca=server.ca.path, **keys) + more)
    return server, home


def place(screen):
    found = re.search(r"line ([\d,]+) of ([\d,]+)", screen.last_line())
    return found and tuple(int(number.replace(",", "")) for number in found.groups())


def total(screen):
    return (place(screen) or (0, 0))[1]


def open_screen(test, home, folder="work/INBOX", count=COUNT):
    screen = test.enter(home.screen(folder))
    screen.wait(lambda: total(screen) == count and "pushed" in screen.line(0), "%d messages in %s" % (count, folder), timeout_s=30)
    return screen


def select(screen, subject):
    for line in range(1, total(screen) + 1):
        screen.press("%d\r" % line, lambda: place(screen) and place(screen)[0] == line)
        if subject in screen.cursor_line():
            return
    raise AssertionError("no row %s\n%s" % (subject, screen.picture()))


def state_of(server):
    """What another device sees: folders with their messages and flags."""
    found = {}
    for folder in server.counts():
        found[folder] = sorted((ident, " ".join(sorted(flag for flag in flags if flag != "\\Recent"))) for _, flags, ident in server.listing(folder))
    return {folder: mails for folder, mails in found.items() if mails}


def agrees(server, expected, what):
    wait_for(lambda: state_of(server) == expected, lambda: "%s: %r\nis not: %r" % (what, state_of(server), expected), 30)


STEPS = [("INBOX 00", "F"), ("INBOX 00", ":flag +todo\r"), ("INBOX 01", ":move work/Project\r"), ("INBOX 02", ":copy work/Project\r"), ("INBOX 03", "d"),
         ("INBOX 04", "a"), ("INBOX 05", "!")]


def reverses(test):
    """Each of them; confirmed, the program left and begun anew; all undone; and again after that; all done once more."""
    server, home = start(test)
    before = state_of(server)
    screen = open_screen(test, home)
    for subject, keys in STEPS:
        select(screen, subject)
        screen.press(keys, lambda: re.search(r"starred|tagged|moved|copied|archived", screen.last_line()), "%s on %s" % (keys, subject))
    screen.command("rename-folder work/Project", "new name")
    screen.press("\025Attic\r", lambda: "renamed work/Project to Attic" in screen.last_line())
    wait_for(lambda: "Attic" in server.counts() and len(server.listing("Attic")) == 3 and len(server.listing("Junk")) == 1
             and "todo" in str(state_of(server)["INBOX"]), lambda: "all done: %r" % state_of(server), 30)
    after = state_of(server)
    assert "$Junk" in str(after["Junk"]) or "Junk" in str(after["Junk"]), after
    for _ in range(2):
        screen.wait(lambda: "queued" not in screen.line(0))
        assert screen.quit() == 0
        screen = open_screen(test, home, count=2)
        for number in range(len(STEPS) + 1):
            screen.press("u", lambda: re.search("restored|undone", screen.last_line()), "step %d back" % number)
            screen.settle(0.05)
        agrees(server, before, "undone")
        screen.wait(lambda: "queued" not in screen.line(0))
        assert screen.quit() == 0
        screen = open_screen(test, home)
        for number in range(len(STEPS) + 1):
            screen.press("U", lambda: "done again" in screen.last_line(), "step %d again" % number)
            screen.settle(0.05)
        agrees(server, after, "done again")
    screen.press("U", "nothing to redo")
    # Not junk, of what lies there now.
    screen.command("open-folder work/Junk", lambda: place(screen) == (1, 1))
    screen.command("junk", lambda: "back to the inbox" in screen.last_line())
    wait_for(lambda: len(server.listing("Junk")) == 0, "out of Junk")
    screen.press("u", lambda: "restored 1 to work/Junk" in screen.last_line())
    agrees(server, after, "in Junk again")
    assert screen.quit() == 0


def across(test):
    """Into another account and back, confirmed by both, after a restart."""
    mail = test.path("Mail")
    for part in ("cur", "new", "tmp"):
        os.makedirs(mail + "/INBOX/" + part)
    server, home = start(test, more="[account local]\naddress = ada@localhost\nmaildir = %s\n" % mail)
    before = state_of(server)

    def there():
        return len(os.listdir(mail + "/INBOX/cur") + os.listdir(mail + "/INBOX/new"))
    screen = open_screen(test, home)
    select(screen, "INBOX 03")
    screen.command("move local/INBOX", lambda: total(screen) == COUNT - 1)
    for _ in range(2):
        wait_for(lambda: there() == 1 and len(server.listing("INBOX")) == COUNT - 1, lambda: "moved: %r" % state_of(server), 30)
        wait_for(lambda: "nothing waits" in home.cli("queue").stdout, "nothing waits")
        assert screen.quit() == 0
        screen = open_screen(test, home, count=COUNT - 1)
        screen.press("u", lambda: total(screen) == COUNT, "undone")
        agrees(server, before, "back")
        wait_for(lambda: there() == 0, "gone there")
        wait_for(lambda: "nothing waits" in home.cli("queue").stdout, "nothing waits")
        assert screen.quit() == 0
        screen = open_screen(test, home)
        screen.press("U", lambda: total(screen) == COUNT - 1, "done again")
    wait_for(lambda: there() == 1 and len(server.listing("INBOX")) == COUNT - 1, lambda: "moved once more: %r" % state_of(server), 30)
    assert screen.quit() == 0


def seconds_held(screen):
    found = re.search(r"held for (\d+) s", screen.line(0))
    return found and int(found.group(1))


def held(test):
    """Deleted for good: asked, held, said so; killed while it is held; taken back; then gone in its time, and refused to come back."""
    server, home = start(test, trash=4)
    screen = open_screen(test, home, "work/Trash", 4)
    select(screen, "Trash 02")
    screen.press("d", "for good? It can't be undone after 10 s")
    screen.press("n", lambda: place(screen) == (2, 4))
    screen.press("d", "for good?")
    screen.press("y", lambda: total(screen) == 3 and seconds_held(screen), "held, and counted down")
    assert "held for" in screen.last_line() and "undo takes it back" in screen.last_line(), screen.picture()
    assert 5 <= seconds_held(screen) <= 10, screen.line(0)
    line, = home.cli("queue").stdout.splitlines()
    assert re.match(r"work: deleted 1 for good: held for \d+ s$", line), line
    assert home.json("queue", "--json")[0]["state"] == "held"
    assert len(server.listing("Trash")) == 4, "the server has not heard of it"
    screen.kill()
    screen = open_screen(test, home, "work/Trash", 3)
    screen.wait(lambda: seconds_held(screen), "still held")
    screen.press("u", lambda: total(screen) == 4 and not seconds_held(screen), "taken back")
    assert "restored" in screen.last_line() or "undone" in screen.last_line()
    # Once more, and left alone.
    select(screen, "Trash 02")
    screen.press("F", "starred 1")
    select(screen, "Trash 01")
    screen.press("d", "for good?")
    screen.press("y", lambda: seconds_held(screen))
    assert len(server.listing("Trash")) == 4
    wait_for(lambda: len(server.listing("Trash")) == 3, "gone in its time", 30)
    assert "<trash.1@test>" not in str(server.listing("Trash"))
    screen.wait(lambda: not seconds_held(screen) and "queued" not in screen.line(0))
    screen.press("u", lambda: "can't be undone; undo again goes past it" in screen.last_line(), "refused, and why")
    assert "deleted 1 for good" in screen.last_line()
    screen.press("u", lambda: "undone: starred 1" in screen.last_line(), "what was before it")
    assert screen.quit() == 0


def left(test):
    """The program is left while something is held: it is done by the next one, in its time and not before."""
    server, home = start(test, trash=3)
    screen = open_screen(test, home, "work/Trash", 3)
    screen.press("d", "for good?")
    screen.press("y", lambda: seconds_held(screen))
    assert screen.quit() == 0
    home.cli("sync")
    assert len(server.listing("Trash")) == 3, "not before its time"
    home.extra_environment["FULMAR_TEST_CLOCK_OFFSET"] = "60"
    home.cli("sync")
    wait_for(lambda: len(server.listing("Trash")) == 2, "done by the next one")
    assert home.cli("queue").stdout == "nothing waits\n"


def emptied(test):
    """Thousands at once, in few commands; taken back; what came to the server meanwhile stays."""
    count = 1500
    server = test.dovecot(fill={"Trash": [(message("Old %d" % n, ident="old.%d@test" % n), True) for n in range(count)],
                                "Junk": [(message("Spam %d" % n, ident="spam.%d@test" % n), True) for n in range(3)]},
                          capability="IMAP4rev1 SASL-IR LITERAL+ ENABLE IDLE UIDPLUS MOVE ESEARCH CONDSTORE QRESYNC SPECIAL-USE LIST-STATUS UNSELECT")
    link = test.enter(Proxy(server.imap))
    home = test.home()
    home.configure(account("imap+plain", port=link.port, offline="headers"))
    screen = open_screen(test, home, "work/Trash", count)
    screen.command("empty-trash", "delete all 1500 messages in work/Trash for good? It can't be undone after 10 s")
    screen.press("y", lambda: "no messages" in screen.text() and "emptied work/Trash: 1500 for good: held for" in screen.last_line(), "emptied")
    assert seconds_held(screen) and len(server.listing("Trash")) == count
    line, = home.cli("queue").stdout.splitlines()
    assert re.match(r"work: emptied work/Trash: 1500 for good: held for \d+ s \(1500 operations\)$", line), line
    screen.press("u", lambda: total(screen) == count, "all back")
    screen.command("empty-trash", "delete all 1500 messages")
    screen.press("y", lambda: "no messages" in screen.text() and "emptied work/Trash" in screen.last_line())
    screen.command("empty-junk", "delete all 3 messages in work/Junk")
    screen.press("y", lambda: "emptied work/Junk: 3 for good" in screen.last_line())
    assert screen.quit() == 0
    server.append("Trash", message("Young", ident="young@test"))
    home.extra_environment["FULMAR_TEST_CLOCK_OFFSET"] = "60"
    link.clear()
    home.cli("sync")
    wait_for(lambda: [ident for _, _, ident in server.listing("Trash")] == ["<young@test>"] and not server.listing("Junk"),
             lambda: "what is left: %d, %r" % (len(server.listing("Trash")), server.listing("Junk")))
    said = link.said.decode("latin-1").upper()
    assert 2 <= said.count("UID EXPUNGE") <= 5, said[-1500:]
    test.say("%d commands for %d messages" % (said.count("UID EXPUNGE") + said.count("UID STORE"), count + 3))


def listed(test):
    """The levels of undo with their state; back to the one chosen; what can't be undone is passed by and told."""
    server, home = start(test, trash=2)
    before = state_of(server)
    screen = open_screen(test, home)
    for subject, keys in [("INBOX 00", "F"), ("INBOX 01", "d"), ("INBOX 02", ":move work/Project\r")]:
        select(screen, subject)
        screen.press(keys, lambda: re.search("starred|moved", screen.last_line()))
    wait_for(lambda: len(server.listing("Project")) == 2 and len(server.listing("Trash")) == 3 and "Flagged" in str(server.listing("INBOX")), "all done", 30)
    screen.wait(lambda: "queued" not in screen.line(0))
    screen.command("open-folder work/Trash", lambda: total(screen) == 3)
    select(screen, "Trash 00")
    screen.press("d", "for good?")
    screen.press("y", lambda: seconds_held(screen))
    screen.command("undo-list", "undo back to:")
    rows = [line for line in screen.lines() if re.search(r"^.\s*\d+\s+\d\d:\d\d ", line)]
    assert [re.search(r"\d\d:\d\d (.*?) \[(.*?)\]", line).groups() for line in rows[1:]] == [
        ("moved 1 to work/Project, from work/INBOX", "done on the server"), ("moved 1 to Trash, from work/INBOX", "done on the server"),
        ("starred 1, from work/INBOX", "done on the server")], screen.picture()
    assert re.search(r"deleted 1 for good, from work/Trash \[held for \d+ s\]", rows[0]), screen.picture()
    screen.press("starred\r", lambda: "undone 4 actions" in screen.last_line(), "all four")
    agrees(server, before, "as before")
    screen.command("undo-list", "there is nothing to undo")
    assert screen.quit() == 0


def pop(test):
    """Its folders are local: Trash is emptied here, the server's copies go in their time."""
    server = test.dovecot()
    for n in range(5):
        server.deliver(message("Pop %d" % n, ident="pop.%d@test" % n))
    home = test.home()
    home.configure(account("pop", name="old", port=server.pop, ca=server.ca.path, leave="until-deleted", poll="1s"))
    home.cli("sync")
    screen = test.enter(home.screen("old/INBOX"))
    screen.wait(lambda: place(screen) == (1, 5))
    screen.press("dd", lambda: total(screen) == 3)
    screen.command("empty-trash", "delete all 2 messages in old/Trash")
    screen.press("y", lambda: "emptied old/Trash: 2 for good" in screen.last_line() and seconds_held(screen))
    screen.press("$", "up to date")
    assert len(server.listing("INBOX")) == 5, "held"
    screen.command("open-folder old/Trash", "no messages")
    screen.press("u", lambda: total(screen) == 2, "back in Trash")
    screen.command("empty-trash old", "delete all 2 messages in old/Trash")
    screen.press("y", lambda: "emptied old/Trash" in screen.last_line())
    assert screen.quit() == 0
    home.extra_environment["FULMAR_TEST_CLOCK_OFFSET"] = "60"
    home.cli("sync")
    wait_for(lambda: len(server.listing("INBOX")) == 3, lambda: "gone from the server: %r" % server.listing("INBOX"))
    assert collections.Counter(row["folder"] for row in home.json("list", "--json", "old/INBOX")) == {"old/INBOX": 3}
    assert home.json("list", "--json", "old/Trash") == []


if __name__ == "__main__":
    run_tests(reverses, across, held, left, emptied, listed, pop)
