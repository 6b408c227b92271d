#!/usr/bin/python3
"""A server that can't be trusted gets no credential, in clear or under TLS; the user is told what is wrong and what to do, on the command line
and on the screen. Wrong name, unknown authority, expired; STARTTLS stripped, with text injected behind it, and PREAUTH before it; for IMAP,
POP and SMTP."""
import base64
import os
import re

from fulmar import PASSWORD, Ca, Scripted, account, message, run_tests

SECRETS = [PASSWORD.encode(), base64.b64encode(PASSWORD.encode()), base64.b64encode(b"\0ada\0" + PASSWORD.encode())]
FAULTS = {  # fault: (what the message tells, what to do)
    "name": r"elsewhere\.example|another name|not for|name", "unknown": r"does not know", "expired": r"expired"}
ADVICE = r"the server's right name|tls_ca|tls_pin|administrator|provider|clock|check|address|ask|renew|install"


def no_secret(server):
    heard = bytes(server.heard) + bytes(server.heard_tls)
    for secret in SECRETS:
        assert secret not in heard, "a credential left: %r" % heard
    assert not re.search(rb"(?i)\b(LOGIN|AUTHENTICATE|AUTH|USER|PASS)\b[ \r]", heard), "sign-in was begun: %r" % heard


def told(home, kind, what):
    run = home.cli("sync", check=False, timeout_s=30)
    assert run.returncode == 1, (run.returncode, run.stdout, run.stderr)
    text = run.stderr
    assert re.search(what, text, re.I), "%s: %r does not tell %s" % (kind, text, what)
    return text.strip().splitlines()[-1]


def certificates(test):
    """Each fault of a certificate, from the first byte on (imaps, pops) and after STARTTLS."""
    ca, stranger = Ca(test.path("ca")), Ca(test.path("stranger"), "A stranger")
    leaves = {"name": ca.leaf("name"), "expired": ca.leaf("expired"), "unknown": stranger.leaf()}
    for fault, what in FAULTS.items():
        def imaps(talk):
            talk.start_tls(*leaves[fault])
            talk.send("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] here\r\n")
            talk.until_gone()

        def imap(talk):
            talk.send("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] here\r\n")
            while True:
                line = talk.line()
                tag = line.split(" ")[0]
                if "STARTTLS" in line:
                    talk.send(tag + " OK go on\r\n")
                    talk.start_tls(*leaves[fault])
                    return talk.until_gone()
                if not line:
                    return
                talk.send("* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n%s OK done\r\n" % tag)

        def pops(talk):
            talk.start_tls(*leaves[fault])
            talk.send("+OK here\r\n")
            talk.until_gone()
        for kind, script in [("imaps", imaps), ("imap", imap), ("pops", pops)]:
            with Scripted(script) as server:
                home = test.home("%s-%s" % (kind, fault))
                home.configure(account(kind, port=server.port, ca=ca.path))
                line = told(home, kind, what)
                assert re.search(ADVICE, line, re.I), "no advice in: " + line
                assert server.connections >= 1
                no_secret(server)
        test.say("%s: %s" % (fault, line))


def starttls(test):
    """What someone on the line can do to STARTTLS."""
    ca = Ca(test.path("ca"))
    leaf = ca.leaf()

    def stripped(talk):
        talk.send("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] here\r\n")
        while (line := talk.line()):
            tag = line.split(" ")[0]
            talk.send("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n%s OK done\r\n" % tag if "CAPABILITY" in line else tag + " BAD unknown command\r\n")

    def refused(talk):
        talk.send("* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] here\r\n")
        while (line := talk.line()):
            talk.send(line.split(" ")[0] + " NO not today\r\n")

    def injected(talk):
        talk.send("* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] here\r\n")
        while (line := talk.line()):
            if "STARTTLS" in line:
                talk.send(line.split(" ")[0] + " OK go on\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n* OK injected\r\n")
                talk.start_tls(*leaf)
                return talk.until_gone()
            talk.send("* CAPABILITY IMAP4rev1 STARTTLS\r\n%s OK done\r\n" % line.split(" ")[0])

    def preauth(talk):
        talk.send("* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] welcome\r\n")
        while (line := talk.line()):
            talk.send(line.split(" ")[0] + " OK fine\r\n")
    cases = [(stripped, r"STARTTLS|encrypt"), (refused, r"STARTTLS|encrypt|refus"), (injected, r"STARTTLS|before|inject|clear|encrypt"),
             (preauth, r"PREAUTH|STARTTLS|encrypt")]
    for script, what in cases:
        with Scripted(script) as server:
            home = test.home(script.__name__)
            home.configure(account("imap", port=server.port, ca=ca.path))
            test.say("%s: %s" % (script.__name__, told(home, script.__name__, what)))
            no_secret(server)

    def pop_stripped(talk):
        talk.send("+OK here\r\n")
        while (line := talk.line()):
            talk.send("+OK\r\nUIDL\r\nTOP\r\nUSER\r\n.\r\n" if line == "CAPA" else "-ERR no\r\n")
    with Scripted(pop_stripped) as server:
        home = test.home("pop")
        home.configure(account("pop", port=server.port, ca=ca.path))
        test.say("pop: " + told(home, "pop", r"STLS|STARTTLS|encrypt"))
        no_secret(server)


def sending(test):
    """SMTP: the mail stays in the outbox, and nothing of it or of the password leaves."""
    ca = Ca(test.path("ca"))

    def stripped(talk):
        talk.send("220 here\r\n")
        while (line := talk.line()):
            talk.send("250-here\r\n250 AUTH PLAIN LOGIN\r\n" if line.upper().startswith("EHLO") else "502 no\r\n")
    maildir = test.path("mail")
    for part in ["cur", "new", "tmp"]:
        os.makedirs(os.path.join(maildir, part))
    with Scripted(stripped) as server:
        home = test.home()
        home.configure("[account work]\naddress = ada@localhost\nmaildir = %s\nsmtp = smtp://ada@localhost:%d\npassword_command = echo %s\n"
                       "tls_ca = %s\n" % (maildir, server.port, PASSWORD, ca.path))
        run = home.cli("send", "--wait", "-t", stdin=message("Secret words", to="Bob <bob@example.org>"), check=False, timeout_s=60)
        assert run.returncode == 1 and re.search(r"STARTTLS|encrypt", run.stderr, re.I), (run.returncode, run.stderr)
        no_secret(server)
        assert b"Secret words" not in server.heard
        assert len(home.cli("queue").stdout.splitlines()) == 1
        test.say(run.stderr.strip().splitlines()[-1])


def on_screen(test):
    """The reason stands on the screen, which stays usable."""
    ca, stranger = Ca(test.path("ca")), Ca(test.path("stranger"), "A stranger")

    def imaps(talk):
        talk.start_tls(*stranger.leaf())
        talk.until_gone()
    with Scripted(imaps) as server:
        home = test.home()
        home.configure(account("imaps", port=server.port, ca=ca.path))
        with home.screen() as screen:
            screen.wait(lambda: "can't trust localhost" in screen.last_line(), "the reason is told")
            screen.press("?", "delete", timeout_s=5)
            screen.press("q", lambda: "delete: move to Trash" not in screen.text())
            assert screen.quit() == 0
        no_secret(server)


if __name__ == "__main__":
    run_tests(certificates, starttls, sending, on_screen)
