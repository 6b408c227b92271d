#!/usr/bin/python3
"""A slow and a dead link. Keys are answered within a frame whatever the link does (from the first byte of the key to the last byte of the
repaint, at the pseudo terminal); cached mail opens; the state is told; when the link is back, so is the mail, by itself.

The times are told, and asserted with room, since the machine that runs the tests does other work as well."""
import re
import time

from fulmar import ENTER, Proxy, account, message, percentile, run_tests

FRAME_MS = 16
GENEROUS_MS = 150
COUNT = 300


def start(test):
    mail = [(message("Letter %03d" % number, body="Words of letter %03d.\n" % number * 20), True) for number in range(COUNT)]
    server = test.dovecot(fill={"INBOX": mail, "Old": mail[:20]})
    proxy = test.enter(Proxy(server.imaps))
    home = test.home()
    home.configure(account("imaps", port=proxy.port, ca=server.ca.path))
    return server, proxy, home


def place(screen):
    found = re.search(r"line ([\d,]+) of ([\d,]+)", screen.last_line())
    return found and tuple(int(number.replace(",", "")) for number in found.groups())


def measure(test, screen, what, rounds=12):
    """Keys of daily life; each paints something."""
    times = []
    for _ in range(rounds):
        for key in ["j", "j", "]", "k", "[", "j", ENTER, " ", "q"]:
            taken = screen.latency(key)
            if taken is not None:
                times.append(taken * 1000)
    p99 = percentile(times, .99)
    test.say("%s: %d keys painted, median %.1f ms, p99 %.1f ms, worst %.1f ms%s"
             % (what, len(times), percentile(times, .5), p99, max(times), "" if p99 <= FRAME_MS else " (over a frame of %d ms)" % FRAME_MS))
    assert len(times) > rounds * 4, "the keys painted nothing"
    assert p99 < GENEROUS_MS, "keys wait for the link: p99 %.1f ms" % p99


def slow(test):
    """300 ms a round trip: from the first visit on."""
    server, proxy, home = start(test)
    proxy.delay_s = 0.15
    began = time.monotonic()
    with home.screen() as screen:
        screen.wait(lambda: place(screen), "the first messages", timeout_s=30)
        test.say("first messages after %.2f s, %d turns, %d bytes down" % (time.monotonic() - began, proxy.turns, proxy.down))
        assert time.monotonic() - began < 8
        measure(test, screen, "first visit at 300 ms")
        screen.wait(lambda: place(screen) and place(screen)[1] == COUNT, "all of the inbox", timeout_s=30)
        measure(test, screen, "while bodies come")
        assert screen.quit() == 0


def again(test):
    """The second visit shows what is known before the link has said a word."""
    server, proxy, home = start(test)
    home.cli("sync")
    proxy.delay_s = 0.15
    proxy.clear()
    began = time.monotonic()
    with home.screen() as screen:
        screen.wait(lambda: place(screen) and place(screen)[1] == COUNT)
        test.say("warm start at 300 ms: %.3f s" % (time.monotonic() - began))
        assert time.monotonic() - began < 1
        screen.wait("pushed", timeout_s=30)
        test.say("connected and pushed: %d turns, %d bytes down" % (proxy.turns, proxy.down))
        server.deliver(message("Over the slow link"))
        screen.wait("Over the slow link", timeout_s=20)
        assert screen.quit() == 0


def economy(test):
    """A visit to a server on which nothing has changed: two connections, three turns after the sign-ins, four kilobytes."""
    server, _, home = start(test)
    proxy = test.enter(Proxy(server.imap))
    home.configure(account("imap+plain", port=proxy.port))
    home.cli("sync")
    proxy.clear()
    with home.screen() as screen:
        screen.wait("pushed", timeout_s=30)
        screen.settle(0.5)
        signing_in = bytes(proxy.said).count(b"AUTHENTICATE SCRAM") * 3  # the proof, and an empty line for the server's own
        test.say("nothing new: %d connections, %d turns besides %d to sign in, %d bytes down, %d up"
                 % (proxy.connections, proxy.turns - signing_in, signing_in, proxy.down, proxy.up))
        assert proxy.connections == 2 and signing_in == 6, bytes(proxy.said)
        assert proxy.turns - signing_in <= 3, bytes(proxy.said)
        assert proxy.down <= 4096, proxy.down
        server.deliver(message("Told all the same"))
        screen.wait("Told all the same", timeout_s=20)
        with server.imap_client() as client:  # a folder that nobody watches: by the next pass
            client.append("Old", "", None, message("In another folder"))
        assert screen.quit() == 0
    home.cli("sync")
    assert home.folders()["work/Old"]["total"] == 21


def black_hole(test):
    """The link takes everything and answers nothing: with the program connected, and at its start."""
    server, proxy, home = start(test)
    home.cli("sync")
    with home.screen() as screen:
        screen.wait("pushed", timeout_s=30)
        proxy.black_hole = True
        server.deliver(message("Into the dark"))
        measure(test, screen, "black hole while connected")
        screen.press(ENTER, lambda: re.search(r"Words of letter \d+", screen.text()), "cached mail opens")
        screen.press("q", lambda: place(screen))
        screen.press("d", lambda: place(screen)[1] == COUNT - 1, "deleting works meanwhile")
        proxy.cut()
        proxy.black_hole = False
        began = time.monotonic()
        screen.wait(lambda: re.search(r"1 new · %d\b" % COUNT, screen.line(0)), "the new mail is counted", timeout_s=90)
        test.say("the link is back: new mail after %.1f s" % (time.monotonic() - began))
        screen.wait("pushed", timeout_s=60)
        assert screen.quit() == 0
    proxy.black_hole = True
    began = time.monotonic()
    with home.screen() as screen:
        screen.wait(lambda: place(screen), "the store opens")
        test.say("start into a black hole: %.3f s" % (time.monotonic() - began))
        measure(test, screen, "black hole from the start")
        assert screen.quit() == 0


def quits(test):
    """Leaving does not wait for a dead link."""
    server, proxy, home = start(test)
    with home.screen() as screen:
        screen.wait(lambda: place(screen))
        proxy.black_hole = True
        screen.press("d", lambda: True)
        screen.settle()
        began = time.monotonic()
        assert screen.quit() == 0
        test.say("quit with a dead link: %.2f s" % (time.monotonic() - began))
        assert time.monotonic() - began < 5


if __name__ == "__main__":
    run_tests(slow, again, economy, black_hole, quits)
