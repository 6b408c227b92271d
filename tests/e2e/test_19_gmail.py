#!/usr/bin/python3
"""Gmail as Gmail: one message whatever its labels, its text fetched once; labels are folders and are shown; what is done to one copy shows at once in the
others, and is done on the server as Gmail means it. Judged by the state of a server with Gmail's habits (tests/servers/gmail.py)."""
import glob
import os
import random
import re
import shlex

from fulmar import PASSWORD, SOAK, Gmail, Proxy, account, message, run_tests, wait_for

INBOX = "\\Inbox"
MAIL = {  # name: labels, text
    "three": ((INBOX, "Work/Plans", "Überblick"), "A text of three labels.\n" * 40),
    "plain": ((INBOX,), "Only in the inbox.\n" * 40),
    "filed": (("Work/Plans",), "Filed away.\n" * 40),
    "kept": ((), "In All Mail alone.\n" * 40),
}


def ident(name):
    return name + "@test"


def start(test, mail=MAIL, port=None, **keys):
    server = test.enter(Gmail(password=PASSWORD))
    for name, (labels, body) in mail.items():
        server.deliver(message("Subject " + name, body=body, ident=ident(name)), labels=labels, flags=("\\Seen",))
    home = test.home()
    home.configure(account("imap+plain", port=port(server) if port else server.port, **keys))
    return server, home


def files(home):
    return glob.glob(os.path.join(home.folder, "**/*.eml"), recursive=True)


def rows(home, folder):
    return {row["message_id"].split("@")[0]: row for row in home.json("list", "--json", "work/" + folder)}


def labels(server, name):
    return server.labels(ident(name))


def one_file(test):
    """Three labels, All Mail besides: one body fetched, one file; nothing again at the next pass."""
    server, home = start(test)
    home.cli("sync")
    folders = home.folders()
    for folder, total in ("INBOX", 2), ("Work/Plans", 2), ("Überblick", 1), ("[Gmail]/All Mail", 4):
        assert folders["work/" + folder]["total"] == total, folders
    assert sorted(name for _, name in server.fetched) == sorted(map(ident, MAIL)), server.fetched
    assert len(files(home)) == len(MAIL), files(home)
    for name, (_, body) in MAIL.items():
        shown = home.cli("show", "--text", "id:" + ident(name)).stdout
        assert body.split("\n", 1)[0] in shown, shown
    server.fetched.clear()
    server.change(ident("plain"), add=["Work/Plans"])
    home.cli("sync")
    assert "plain" in rows(home, "Work/Plans")
    assert not server.fetched, server.fetched
    assert server.most_sessions <= 15


def shown(test):
    """Labels are folders, a column of the list and a line of the pager; the folder's own is not repeated in its list. In Gmail's own other words too:
    a label that no program is shown as a folder."""
    server, home = start(test)
    server.change(ident("three"), add=["Hidden one"])
    del server.boxes["Hidden one"]
    home.cli("sync")
    assert rows(home, "INBOX")["three"]["labels"] == ["Hidden one", "Inbox", "Work/Plans", "Überblick"], rows(home, "INBOX")
    assert rows(home, "Work/Plans")["three"]["labels"] == ["Hidden one", "Inbox", "Work/Plans", "Überblick"]
    assert rows(home, "[Gmail]/All Mail")["kept"]["labels"] == []
    screen = test.enter(home.screen())
    screen.wait("Subject three")
    line = next(line for line in screen.lines() if "Subject three" in line)
    assert "Hidden one, Work/" in line and "Inbox" not in line, line
    screen.press("j", lambda: "Subject three" in screen.cursor_line())
    screen.press("\r", "A text of three labels.")
    assert "Labels: Hidden one, Inbox, Work/Plans, Überblick" in screen.text(), screen.text()
    assert screen.quit() == 0


def message_id(name):
    return "id:" + ident(name)


FOLDERS = ["INBOX", "Work/Plans", "Überblick", "[Gmail]/All Mail", "[Gmail]/Trash"]
COMMANDS = [  # what is typed, and the labels of the message then
    ("copy work/Work/Plans", "plain", INBOX + " Work/Plans"),
    ("copy work/Überblick", "kept", "Überblick"),
    ("move work/Überblick", "filed", "Überblick"),
    ("tag +Fresh", "plain", "Fresh " + INBOX),
    ("tag -Work/Plans", "three", INBOX + " Überblick"),
    ("tag -Inbox +Work/Plans", "plain", "Work/Plans"),
    ("delete", "three", "trash"),
    ("move work/Work/Plans", "three", "Work/Plans Überblick"),
    ("move 'work/[Gmail]/All Mail'", "plain", ""),
    ("flag +flagged", "three", INBOX + " Work/Plans Überblick"),
]


def sample(test, count):
    """Some of the commands; all of them where there is time."""
    chosen = COMMANDS if SOAK else random.sample(COMMANDS, count)
    test.say("; ".join(command for command, _, _ in chosen))
    return chosen


def by_command(test):
    """Each command by itself, in the inbox or wherever the message is; its undo gives back the labels as they were."""
    server, home = start(test)
    home.cli("sync")
    before = server.state()
    for command, name, after in sample(test, 4):
        place = next(row["id"] for folder in ("INBOX", "Work/Plans", "[Gmail]/All Mail") for row in rows(home, folder).values()
                     if row["message_id"] == ident(name))
        home.cli(*shlex.split(command), place)
        home.cli("sync")
        assert sorted(labels(server, name).split()) == sorted(after.split()), (command, server.state())
        assert len(server.state()) == len(MAIL), (command, server.state())
        agree(server, home)
        undo(home)
        home.cli("sync")
        assert server.state() == before, (command, server.state())
        agree(server, home)
    assert len(files(home)) == len(MAIL), files(home)


def agree(server, home):
    """Every folder here holds what the server's does, once."""
    with server.lock:
        there = {name: sorted(server.mails[msgid].ident().split("@")[0] for msgid in server.boxes[name].uids.values()) for name in FOLDERS}
    here = {name: sorted(row["message_id"].split("@")[0] for row in home.json("list", "--json", "work/" + name)) for name in FOLDERS}
    assert here == there, (here, there)


def undo(home):
    with home.screen() as screen:
        screen.wait("INBOX")
        screen.press("u", lambda: "restored" in screen.last_line() or "undone" in screen.last_line())
        assert screen.quit() == 0


def search(test):
    """In Gmail's own words, by command line and screen; what is not here yet comes."""
    server, home = start(test, offline="headers")
    home.cli("sync")
    server.deliver(message("Subject late", body="Über alles.\n", ident=ident("late")), labels=("Work/Plans",))

    def found(words):
        return sorted(row["message_id"].split("@")[0] for row in home.json("search", "--json", words))
    assert found("gmail:label:Überblick") == ["three"]
    assert found("gmail:filed -three") == ["filed"]
    assert found('gmail:"Only in the inbox"') == ["plain"]
    assert found("gmail:Über alles") == ["late"], "sent as UTF-8, and fetched"
    assert found("gmail:nowhere at all") == []
    assert home.cli("search", "gmail:", check=False).returncode == 1
    assert [row["folder"] for row in home.json("search", "--json", "subject:three")] == ["work/INBOX"], "one of its four rows"
    row = home.json("search", "--json", "gmail:rfc822msgid:%s" % ident("three"))
    assert len(row) == 1 and row[0]["folder"] == "work/INBOX", row
    screen = test.enter(home.screen())
    screen.wait("Subject three")
    screen.command("search-server three label:work/plans", "1 found")
    assert "Subject three" in screen.cursor_line(), screen.cursor_line()
    screen.press("q", "Subject plain")
    screen.press("/", lambda: "search:" in screen.last_line())
    screen.press("gmail:subject:kept\r", lambda: "subject:kept   1 found" in screen.line(0))
    assert "Subject kept" in screen.cursor_line(), screen.cursor_line()
    assert screen.quit() == 0


def in_list(screen, subject):
    """The line of the list that shows it, or None."""
    return next((line for line in screen.lines()[1:13] if "Subject " + subject in line), None)


def by_key(test):
    """On the screen, without a connection: what is done to one copy shows at once in the others' folders. Then the connection comes back."""
    proxies = []
    server, home = start(test, port=lambda server: proxies.append(test.enter(Proxy(server.port))) or proxies[0].port)
    home.cli("sync")
    proxies[0].refuse = True
    screen = test.enter(home.screen())
    screen.wait(lambda: re.search("retry|offline", screen.line(0)) and in_list(screen, "three"))
    screen.press("j", lambda: "Subject three" in screen.cursor_line())
    screen.press("F", lambda: re.search(r"F .*Subject three", screen.text()))
    screen.command("open-folder work/Work/Plans", "Subject filed")
    screen.wait(lambda: re.search(r"F .*Subject three", in_list(screen, "three") or ""), "the star in the other label")
    assert "Inbox" in in_list(screen, "three")
    screen.command("open-folder work/INBOX", lambda: in_list(screen, "plain"))
    screen.press("=", lambda: "Subject plain" in screen.cursor_line())
    screen.press("j", lambda: "Subject three" in screen.cursor_line())
    screen.press("a", lambda: not in_list(screen, "three"))
    screen.press("d", lambda: not in_list(screen, "plain"))
    screen.command("open-folder work/Work/Plans", lambda: in_list(screen, "three"))
    screen.wait(lambda: "Inbox" not in (in_list(screen, "three") or "Inbox"), "the label is gone at once")
    screen.command("open-folder work/[Gmail]/All Mail", lambda: in_list(screen, "three"))
    screen.wait(lambda: not in_list(screen, "plain"), "gone from All Mail at once")
    screen.wait(lambda: "3 queued" in screen.line(0), "three things wait")
    assert screen.quit() == 0
    proxies[0].refuse = False
    home.cli("sync")
    assert server.state()[ident("three")] == ("all", ("Work/Plans", "Überblick"), ("\\Flagged", "\\Seen")), server.state()
    assert labels(server, "plain") == "trash"
    home.cli("sync")
    agree(server, home)


def elsewhere(test):
    """What webmail does while the screen is open."""
    server, home = start(test)
    screen = test.enter(home.screen())
    screen.wait(lambda: in_list(screen, "plain") and "pushed" in screen.line(0))
    home_folders = lambda name: home.folders()["work/" + name]["total"]  # noqa: E731
    wait_for(lambda: home_folders("[Gmail]/All Mail") == 4, "all is here")
    server.change(ident("plain"), add=["Work/Plans"])
    screen.wait(lambda: "Work/Plans" in (in_list(screen, "plain") or ""), "the label comes")
    server.change(ident("plain"), flags=["\\Seen", "\\Flagged"])
    screen.wait(lambda: re.search(r"F .*Subject plain", screen.text()), "the star comes")
    server.change(ident("plain"), remove=["Work/Plans"])
    screen.wait(lambda: "Work/Plans" not in (in_list(screen, "plain") or "Work/Plans"), "the label goes")
    mail = server.find(ident("three"))
    with server.lock:
        server.put(mail, "[Gmail]/Trash")
        server.changed(mail)
    screen.wait(lambda: not in_list(screen, "three"), "deleted there")
    wait_for(lambda: home_folders("Überblick") == 0 and home_folders("[Gmail]/All Mail") == 3, "and gone from its other labels")
    server.deliver(message("Subject fresh", ident=ident("fresh")), labels=(INBOX, "Überblick"))
    screen.wait(lambda: "Überblick" in (in_list(screen, "fresh") or ""), "a new one, with its label")
    assert screen.quit() == 0


def threads(test):
    """Conversations are Gmail's, whatever References say."""
    server, home = start(test, mail={})
    first = server.deliver(message("Subject one", ident=ident("one")))
    server.deliver(message("Subject two", ident=ident("two")), thrid=first.thrid)
    server.deliver(message("Subject one", ident=ident("other")))
    home.cli("sync")
    there = rows(home, "INBOX")
    assert there["one"]["thread"] == there["two"]["thread"] != there["other"]["thread"], there


def killed(test):
    """kill -9 when the server has done what it was told and nobody has heard of it: one message, with the right labels."""
    server, home = start(test)
    home.cli("sync")
    before, kills, chosen = server.state(), 0, sample(test, 2)
    for command, name, after in chosen:
        place = next(row["id"] for folder in ("INBOX", "Work/Plans", "[Gmail]/All Mail") for row in rows(home, folder).values()
                     if row["message_id"] == ident(name))
        home.cli(*shlex.split(command), place)
        for _ in range(3):
            job = home.start_cli("sync")

            def kill(session, verb, _, job=job):
                if verb in ("UID MOVE", "UID COPY", "UID STORE", "CREATE"):
                    job.kill()
                    session.socket.close()
            server.hook = kill
            job.communicate()
            server.hook = None
            kills += job.returncode != 0
        home.cli("sync")
        assert sorted(labels(server, name).split()) == sorted(after.split()), (command, server.state())
        assert len(server.state()) == len(MAIL), (command, server.state())
        undo(home)
        home.cli("sync")
        home.cli("sync")
        assert server.state() == before, (command, server.state())
        agree(server, home)
    assert kills >= len(chosen), kills
    test.say("killed %d times" % kills)


def drafts(test):
    """An older state of a draft leaves All Mail too, where an EXPUNGE would leave it."""
    server, home = start(test)
    home.editor = test.path("editor")
    with open(home.editor, "w") as out:
        out.write("#!/bin/sh\nfor file; do :; done\nprintf 'my words\\n' >>\"$file\"\n")
    os.chmod(home.editor, 0o700)
    screen = test.enter(home.screen())
    screen.wait(lambda: in_list(screen, "plain") and "pushed" in screen.line(0))

    def kept():
        return [key for key, (where, has, _) in server.state().items() if where == "all" and "\\Draft" in has]
    screen.press("r", lambda: screen.line(4).strip().startswith("Bcc:"), "the composer")
    screen.press("P", "saved in Drafts")
    wait_for(lambda: len(kept()) == 1, lambda: "the draft is there: %r" % server.state())
    screen.command("open-folder work/[Gmail]/Drafts", lambda: "line 1 of 1" in screen.last_line())
    for _ in range(2):
        first = kept()
        screen.press("R", lambda: screen.line(4).strip().startswith("Bcc:"), "the draft is recalled")
        screen.press("P", "saved in Drafts")
        wait_for(lambda: len(kept()) == 1 and kept() != first, lambda: "the newer one alone: %r" % server.state())
    there = [key for key, (where, _, _) in server.state().items() if where == "all"]
    assert len(there) == len(MAIL) + 1, server.state()
    assert screen.quit() == 0


def known(test):
    """Headers of what is known from another label are not sent again, but for each folder's first screen; and nothing is missing or wrong for it."""
    count, screenful = 200, 60
    server, home = start(test, mail={})
    for number in range(count):
        server.deliver(message("Subject %d" % number, ident=ident("m%d" % number)), labels=(INBOX, "Work/Plans") if number % 2 else (INBOX,),
                       flags=("\\Seen",) if number % 3 else ("\\Flagged",))
    server.deliver(message("Subject kept", ident=ident("kept")), labels=())
    home.cli("sync")
    assert len(server.headers) <= count + 1 + 3 * screenful, len(server.headers)
    assert len(server.fetched) == count + 1, len(server.fetched)
    for folder in "INBOX", "Work/Plans", "[Gmail]/All Mail":
        here = {row["message_id"]: row for row in home.json("list", "--json", "--limit", "1000", "work/" + folder)}
        with server.lock:
            there = {mail.ident(): mail for mail in map(server.mails.get, server.boxes[folder].uids.values())}
        assert here.keys() == there.keys(), folder
        for key, row in here.items():
            assert ("flagged" in row["flags"]) == ("\\Flagged" in there[key].flags) and ("seen" in row["flags"]) == ("\\Seen" in there[key].flags)
            assert row["subject"] == there[key].subject() and row["size"] == len(there[key].raw), row
        assert home.folders()["work/" + folder]["unread"] == sum("\\Seen" not in mail.flags for mail in there.values()), folder
    server.change(ident("m1"), flags=("\\Seen", "\\Answered"))
    home.cli("sync")
    assert home.json("list", "--json", "--limit", "1000", "work/Work/Plans")[-1]["flags"] == ["seen", "answered"]


if __name__ == "__main__":
    run_tests(one_file, shown, by_command, search, by_key, elsewhere, threads, killed, drafts, known)
