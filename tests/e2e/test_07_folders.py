#!/usr/bin/python3
"""Folders made, renamed, deleted and subscribed to here are so on the server, whatever it puts between the parts of their names; what it refuses is
told in its own words with what can be done, and is here as it is there."""
import re

from fulmar import ENTER, account, message, run_tests, wait_for

COURIER_LIKE = "namespace inbox {\n  separator = .\n  prefix = INBOX.\n}\n"


def pane(screen):
    """The folder pane's lines, without marks and counts."""
    lines = [line.split("│")[0] for line in screen.lines()[1:-1] if "│" in line]
    return [re.sub(r"^[\s·▾▸●]*", "", line).strip() for line in lines]


def has_folder(screen, name):
    return any(re.fullmatch(re.escape(name) + r"(\s+\d+)?", line) for line in pane(screen))


def start(test, **options):
    server = test.dovecot(**options)
    server.append("INBOX", message("First of all"), flags="\\Seen")
    home = test.home()
    home.configure(account("imaps", port=server.imaps, ca=server.ca.path))
    return server, home


def folders_of(server):
    return set(server.doveadm("mailbox", "list", "-u", "ada").split("\n")) - {""}


def subscribed(server):
    return set(server.doveadm("mailbox", "list", "-s", "-u", "ada").split("\n")) - {""}


def on_screen(test):
    server, home = start(test)
    with home.screen() as screen:
        screen.wait("First of all")
        screen.wait("pushed")
        screen.command("create-folder work/Reisen", lambda: has_folder(screen, "Reisen"))
        wait_for(lambda: "Reisen" in subscribed(server), "it is made and subscribed to")
        screen.command("create-folder work/Reisen/Zürich", lambda: has_folder(screen, "Zürich"))
        wait_for(lambda: "Reisen/Zürich" in folders_of(server), lambda: folders_of(server))
        server.append("Reisen", message("A ticket"), message("A hotel"))
        screen.press(":", lambda: screen.last_line().lstrip().startswith(":"))
        screen.press("rename-folder work/Reisen" + ENTER, "new name:")
        screen.press("\x15" + "Journeys" + ENTER, lambda: has_folder(screen, "Journeys") and not has_folder(screen, "Reisen"))
        wait_for(lambda: {"Journeys", "Journeys/Zürich"} <= folders_of(server), lambda: folders_of(server))
        screen.press("u", lambda: has_folder(screen, "Reisen"), "undone")
        wait_for(lambda: {"Reisen", "Reisen/Zürich"} <= folders_of(server), lambda: folders_of(server))
        screen.command("unsubscribe-folder work/Reisen", "unsubscribed from work/Reisen")
        wait_for(lambda: "Reisen" not in subscribed(server), "it is unsubscribed")
        screen.press("u", "undone", "undone")
        wait_for(lambda: "Reisen" in subscribed(server), "it is subscribed again")
        # What is in it is said before it goes.
        screen.wait(lambda: any(re.fullmatch(r"Reisen\s+2", line) for line in pane(screen)), "the new mail is counted")
        screen.command("delete-folder work/Reisen", "2 messages, 2 unread, and 1 folder below it")
        screen.press("n", lambda: "delete the folder" not in screen.text())
        assert has_folder(screen, "Reisen")
        screen.command("delete-folder work/Reisen/Zürich", "In it: nothing")
        screen.press("y", lambda: not has_folder(screen, "Zürich"), "it is gone")
        wait_for(lambda: "Reisen/Zürich" not in folders_of(server), "and on the server")
        # INBOX is not deleted.
        screen.command("delete-folder work/INBOX", "In it:")
        screen.press("y", "can't be deleted")
        assert screen.quit() == 0


def by_tab(test):
    """The prompt for a folder completes what there is."""
    server, home = start(test)
    server.append("Lists/notmuch", message("A list's first"))
    home.cli("sync")
    with home.screen() as screen:
        screen.wait("First of all")
        screen.press(":", lambda: screen.last_line().lstrip().startswith(":"))
        screen.press("create-folder" + ENTER, "create folder: work/")
        screen.press("Lists/n\t", "work/Lists/notmuch")
        screen.press("/new" + ENTER, lambda: has_folder(screen, "new"))
        wait_for(lambda: "Lists/notmuch/new" in folders_of(server), lambda: folders_of(server))
        assert screen.quit() == 0


def refused(test):
    """A name that the server rejects."""
    server, home = start(test)
    with home.screen() as screen:
        screen.wait("pushed")
        screen.command("create-folder work/not.here", "the server won't create not.here: ")
        assert "not allowed" in screen.text() and "try another" in screen.text(), screen.text()
        screen.wait(lambda: not has_folder(screen, "not.here"), "and it is not here either")
        screen.command("create-folder work/Here", lambda: has_folder(screen, "Here"))
        screen.press(":", lambda: screen.last_line().lstrip().startswith(":"))
        screen.press("rename-folder work/Here" + ENTER, "new name:")
        screen.press("\x15" + "and.there" + ENTER, "the server won't rename Here to and.there")
        screen.wait(lambda: has_folder(screen, "Here") and not has_folder(screen, "and.there"), "it has its name again")
        with server.imap_client() as client:
            client.delete("Here")
        screen.press("$", lambda: not has_folder(screen, "Here"), "removed elsewhere")
        assert "Here" not in folders_of(server)
        assert screen.quit() == 0


def under_inbox(test):
    """Everything lies under `INBOX.`, as with Courier: what is typed with a slash arrives there."""
    server, home = start(test, extra=COURIER_LIKE, special={"Trash": "\\Trash"})
    home.cli("sync")
    assert "work/INBOX.Trash" in home.folders(), home.folders()
    for arguments, expected in ((["create", "work/Lists/new"], "INBOX.Lists.new"), (["rename", "work/INBOX.Lists.new", "Lists/old"], "INBOX.Lists.old")):
        home.cli("folder", *arguments)
        home.cli("sync")
        assert expected in folders_of(server) and "work/" + expected in home.folders(), (folders_of(server), home.folders())
    home.cli("folder", "unsubscribe", "work/Lists/old")
    home.cli("sync")
    assert "INBOX.Lists.old" not in subscribed(server) and not home.folders()["work/INBOX.Lists.old"]["subscribed"]
    server.append("INBOX.Lists.old", message("In it"))
    home.cli("sync")
    kept = home.cli("folder", "delete", "work/Lists/old", check=False)
    assert kept.returncode == 1 and "1 message, 1 unread" in kept.stderr and "--yes" in kept.stderr, kept.stderr
    home.cli("folder", "delete", "--yes", "work/Lists/old")
    home.cli("sync")
    assert "INBOX.Lists.old" not in folders_of(server) and "work/INBOX.Lists.old" not in home.folders()


if __name__ == "__main__":
    run_tests(on_screen, by_tab, refused, under_inbox)
