#!/usr/bin/python3
"""New mail is on the screen without a key press: in the list of the open folder, in the count of another watched one; also after the link was
cut, and with a server that knows no NOTIFY, CONDSTORE or QRESYNC. Dovecot itself holds news back for up to half a second."""
import re
import time

from fulmar import Proxy, account, message, percentile, run_tests

OLD = "IMAP4rev1 SASL-IR LITERAL+ IDLE UIDPLUS NAMESPACE"


def start(test, port=None, **options):
    server = test.dovecot(**options)
    server.append("INBOX", message("First of all"), flags="\\Seen")
    server.append("Lists/notmuch", message("A list's first"), flags="\\Seen")
    home = test.home()
    home.configure(account("imaps", port=port(server) if port else server.imaps, ca=server.ca.path, watch="INBOX, Lists/*"))
    return server, home


def open_screen(test, home):
    screen = test.enter(home.screen())
    screen.wait("First of all")
    screen.wait("pushed", "the state is told: pushed")
    return screen


def unread_of(screen, folder):
    """The count beside FOLDER in the folder pane."""
    for line in screen.lines():
        found = re.match(r"[^│]*?\b%s\s+(\d+)\s*│" % folder, line)
        if found:
            return int(found.group(1))
    return 0


def open_folder(test):
    server, home = start(test)
    screen, times = open_screen(test, home), []
    for number in range(8):
        subject = "Pushed number %d" % number
        server.deliver(message(subject))
        began = time.monotonic()
        screen.wait(subject)
        times.append(time.monotonic() - began)
    screen.wait(lambda: unread_of(screen, "INBOX") == 8, "the count of the open folder is 8")
    screen.wait(lambda: re.search(r"8 new · 9\b", screen.line(0)), "the top line counts too")
    test.say("from LMTP's answer to the screen: %.2f s median, %.2f s the slowest of 8" % (percentile(times, .5), max(times)))
    assert screen.quit() == 0


def watched_folder(test):
    server, home = start(test)
    screen = open_screen(test, home)
    assert unread_of(screen, "notmuch") == 0
    for number in range(3):
        with server.imap_client() as client:  # filed by the server's rules, as far as this client can tell
            client.append("Lists/notmuch", "", None, message("Pushed to the list %d" % number))
        began = time.monotonic()
        screen.wait(lambda: unread_of(screen, "notmuch") == number + 1, "the count of the watched folder is %d" % (number + 1))
        test.say("watched folder's count after %.2f s" % (time.monotonic() - began))
    assert screen.quit() == 0


def from_elsewhere(test):
    """Flags and removals by another client come by themselves too."""
    server, home = start(test)
    server.append("INBOX", message("Soon gone"), message("Soon read"))
    screen = open_screen(test, home)
    screen.wait("Soon gone")
    with server.imap_client() as client:
        client.select("INBOX")
        client.store("3", "+FLAGS", "\\Seen")
        screen.wait(lambda: re.search(r"│[▸· ]+\S* .*Soon read", screen.text()) and not re.search(r"N .*Soon read", screen.text()), "read elsewhere")
        client.store("2", "+FLAGS", "\\Deleted")
        client.expunge()
        screen.wait(lambda: not re.search(r"│.*Soon gone", screen.text().split("├")[0]), "expunged elsewhere")
    assert screen.quit() == 0


def after_a_cut(test):
    proxy = {}

    def through(server):
        proxy["it"] = test.enter(Proxy(server.imaps))
        return proxy["it"].port
    server, home = start(test, through)
    screen = open_screen(test, home)
    proxy["it"].cut()
    server.deliver(message("While we were cut"))
    began = time.monotonic()
    screen.wait("While we were cut", timeout_s=60)
    test.say("after a cut: new mail after %.2f s" % (time.monotonic() - began))
    screen.wait("pushed", timeout_s=60)
    server.deliver(message("After the cut"))
    screen.wait("After the cut", timeout_s=30)
    assert screen.quit() == 0


def old_server(test):
    server, home = start(test, capability=OLD)
    screen = open_screen(test, home)
    server.deliver(message("Without extensions"))
    screen.wait("Without extensions")
    with server.imap_client() as client:
        client.select("INBOX")
        client.store("2", "+FLAGS", "\\Flagged")
    screen.wait(lambda: re.search(r"F .*Without extensions", screen.text()), "a star from elsewhere", timeout_s=30)
    assert screen.quit() == 0


if __name__ == "__main__":
    run_tests(open_folder, watched_folder, from_elsewhere, after_a_cut, old_server)
