#!/usr/bin/python3
"""Folders made, renamed, deleted and subscribed to here are so on the server, whatever it puts between the parts of their names; what it refuses is
told in its own words with what can be done, and is here as it is there."""
import os
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
    assert "work/INBOX.Lists.old" not in home.folders() and "held for" in home.cli("queue").stdout
    wait_for(lambda: home.cli("sync") and "INBOX.Lists.old" not in folders_of(server), "the server's folder goes when the hold is over", 60)
    assert "work/INBOX.Lists.old" not in home.folders()


def shared_server(test, quota="storage=10M"):
    """Shared/archive may only be read, mail in Shared/seen may be marked read."""
    top = test.path("shared")
    for name, rights in (("archive", "lr"), ("seen", "lrs")):
        for part in "cur", "new", "tmp":
            os.makedirs(os.path.join(top, "." + name, part))
        with open(os.path.join(top, "." + name, "dovecot-acl"), "w") as out:
            out.write("user=ada %s\n" % rights)
        for number in range(2):
            with open(os.path.join(top, "." + name, "cur", "%d.M%dP1.test:2," % (1000000000 + number, number)), "wb") as out:
                out.write(message("Shared %s %d" % (name, number), body="Common knowledge.\n"))
    for folder, folders, files in os.walk(top):
        for name in [folder] + [os.path.join(folder, file) for file in files]:
            os.chmod(name, 0o777)
    return test.dovecot(extra="""mail_plugins = acl quota
protocol imap {
  mail_plugins = acl quota imap_acl imap_quota
}
namespace shared {
  type = public
  separator = /
  prefix = Shared/
  location = maildir:%s
  subscriptions = no
  list = yes
}
plugin {
  acl = vfile
  quota = maildir:User quota
  quota_rule = *:%s
}
""" % (top, quota))


def few_rights(test):
    """What may not be done in a shared folder is known before it is tried, and said with the reason."""
    server = shared_server(test)
    server.append("INBOX", message("First of all", ident="first@test"), flags="\\Seen")
    home = test.home()
    home.configure(account("imaps", port=server.imaps, ca=server.ca.path))
    home.cli("sync")
    with home.screen() as screen:
        screen.wait("pushed")
        screen.command("open-folder work/Shared/archive", lambda: "Shared/archive (read-only)" in screen.line(0) and "Shared archive 1" in screen.text())
        for key in "d", "F", "N":
            screen.press(key, "work/Shared/archive is read-only: your rights are lr")
        screen.press(ENTER, "Common knowledge.")
        screen.press("q", lambda: True)
        screen.command("open-folder work/Shared/seen", lambda: "Shared seen 1" in screen.text() and "(read-only)" not in screen.line(0))
        screen.press("F", "you may not change flags in it: your rights are lrs")
        screen.press("wtodo" + ENTER, "on this machine only: the server keeps no tags in work/Shared/seen")
        tagged = home.json("search", "--json", "tag:todo")
        assert len(tagged) == 1, tagged
        screen.press("=", lambda: True)
        screen.press("N", lambda: home.folders()["work/Shared/seen"]["unread"] == 1, "read is what it may be marked")
        with server.imap_client() as client:  # what the server says of its flags takes nothing off that it does not keep
            client.select('"Shared/seen"')
            client.store("1:2", "-FLAGS", "\\Seen")
            client.store("1:2", "+FLAGS", "\\Seen")
        wait_for(lambda: home.folders()["work/Shared/seen"]["unread"] == 0, "read elsewhere", 30)
        assert [row["id"] for row in home.json("search", "--json", "tag:todo")] == [row["id"] for row in tagged]
        screen.command("open-folder work/INBOX", "First of all")
        screen.command("move work/Shared/archive", "work/Shared/archive is read-only: your rights are lr")
        screen.wait(lambda: "First of all" in screen.cursor_line(), "it is where it was")
        screen.command("delete-folder work/Shared/archive", "In it: 2 messages")
        screen.press("y", "work/Shared/archive is read-only")
        assert screen.quit() == 0
    assert "0 queued" not in home.cli("queue").stdout and "refused" not in home.cli("queue").stdout, home.cli("queue").stdout
    told = home.cli("move", "work/Shared/archive", "id:first@test", check=False)
    assert told.returncode == 1 and "read-only" in told.stderr, told.stderr


def tags(test):
    """What another program has tagged is shown with the message, by the name that program has for it."""
    server, home = start(test)
    with server.imap_client() as client:
        client.select("INBOX")
        client.store("1", "+FLAGS", "($Label1 todo)")
    with home.screen() as screen:
        screen.wait("Tags:")
        assert re.search(r"Tags: +(todo, important \(\$Label1\)|important \(\$Label1\), todo)", screen.text()), screen.text()
        assert screen.quit() == 0
    assert len(home.json("search", "--json", "tag:$Label1 and tag:todo")) == 1


def full(test):
    """A mailbox that is full: the copy that the server won't make is not here either."""
    server = shared_server(test, quota="storage=30k")
    server.append("INBOX", message("A heavy one", body="Twenty thousand bytes.\n" * 900, ident="heavy@test"), flags="\\Seen")
    home = test.home()
    home.configure(account("imaps", port=server.imaps, ca=server.ca.path))
    home.cli("sync")
    with home.screen() as screen:
        screen.wait("pushed")
        screen.wait("A heavy one")
        screen.command("copy work/Archive", "the server won't copy mail from INBOX to Archive: ")
        assert re.search("Quota exceeded", screen.text()), screen.text()
        wait_for(lambda: home.folders()["work/Archive"]["total"] == 0, "no copy is here", 20)
        assert screen.quit() == 0
    assert server.counts()["Archive"][0] == 0 and home.folders()["work/INBOX"]["total"] == 1
    assert "make room" in home.log(), home.log()


if __name__ == "__main__":
    run_tests(on_screen, by_tab, refused, under_inbox, few_rights, tags, full)
