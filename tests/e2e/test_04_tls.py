#!/usr/bin/python3
"""A server that can't be trusted gets no credential, in clear or under TLS; the user is told what is wrong and what to do, on the command line
and on the screen. Wrong name, unknown authority, expired; STARTTLS stripped, with text injected behind it, and PREAUTH before it; for IMAP,
POP and SMTP."""
import base64
import os
import re

from fulmar import PASSWORD, Ca, Scripted, account, message, run_tests

SECRETS = [PASSWORD.encode(), base64.b64encode(PASSWORD.encode()), base64.b64encode(b"\0ada\0" + PASSWORD.encode())]
FAULTS = {  # fault: (what is wrong, what to do)
    "name": (r"for another name \(elsewhere\.example\)", r"\"localhost\" may not be the server's right name"),
    "unknown": (r"comes from \"A stranger\", which this computer does not know", r"`tls_ca = FILE`.*`tls_pin = sha256:[0-9a-f]{64}`"),
    "expired": (r"certificate \(or its issuer's\) expired", r"owner must renew it; check this computer's clock")}


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
    for fault, (wrong, advice) in FAULTS.items():
        def imaps(talk):
            talk.start_tls(*leaves[fault])
            talk.send("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] here\r\n")
            talk.until_gone()

        def imap(talk):
            talk.send("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] here\r\n")
            while (line := talk.line()):
                tag = line.split(" ")[0]
                if "STARTTLS" in line:
                    talk.send(tag + " OK go on\r\n")
                    talk.start_tls(*leaves[fault])
                    return talk.until_gone()
                talk.send("* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n%s OK done\r\n" % tag)

        def pops(talk):
            talk.start_tls(*leaves[fault])
            talk.send("+OK here\r\n")
            talk.until_gone()

        def pop(talk):
            talk.send("+OK here\r\n")
            while (line := talk.line()):
                if line == "STLS":
                    talk.send("+OK go on\r\n")
                    talk.start_tls(*leaves[fault])
                    return talk.until_gone()
                talk.send("+OK\r\nSTLS\r\nUIDL\r\nUSER\r\n.\r\n" if line == "CAPA" else "-ERR no\r\n")
        for kind, script in [("imaps", imaps), ("imap", imap), ("pops", pops), ("pop", pop)]:
            with Scripted(script) as server:
                home = test.home("%s-%s" % (kind, fault))
                home.configure(account(kind, port=server.port, ca=ca.path))
                line = told(home, kind, wrong)
                assert re.search(advice, line), "%s: no advice in: %s" % (kind, line)
                assert "Nothing was sent" in line, line
                assert server.connections >= 1
                no_secret(server)
        test.say("%s: %s" % (fault, line))


def starttls(test):
    """What someone on the line can do to STARTTLS: what is wrong, and what to do."""
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

    def pop_stripped(talk):
        talk.send("+OK here\r\n")
        while (line := talk.line()):
            talk.send("+OK\r\nUIDL\r\nTOP\r\nUSER\r\n.\r\n" if line == "CAPA" else "-ERR no\r\n")

    def pop_refused(talk):
        talk.send("+OK here\r\n")
        while (line := talk.line()):
            talk.send("+OK\r\nSTLS\r\nUSER\r\n.\r\n" if line == "CAPA" else "-ERR not today\r\n")

    def pop_injected(talk):
        talk.send("+OK here\r\n")
        while (line := talk.line()):
            if line == "STLS":
                talk.send("+OK go on\r\n+OK injected\r\n")
                talk.start_tls(*leaf)
                return talk.until_gone()
            talk.send("+OK\r\nSTLS\r\nUSER\r\n.\r\n")
    cases = [("imap", stripped, r"offers no STARTTLS .* someone on the way may have removed it.* was not sent\. Try imaps://"),
             ("imap", refused, r"^fulmar: work: localhost refused STARTTLS, so the password was not sent: .*not today\. Try imaps://"),
             ("imap", injected, r"put words into the connection .* nothing was sent\. Don't use this network, or write imaps://"),
             ("imap", preauth, r"signed in before the connection is encrypted.* nothing was sent\. Write imaps://"),
             ("pop", pop_stripped, r"offers no STLS .* someone on the way may have removed it.* was not sent\. Try pops://"),
             ("pop", pop_refused, r"^fulmar: work: localhost refused STLS.*not today\. Try pops://"),
             ("pop", pop_injected, r"(as an attacker would|put words into the connection).*pops://")]
    for kind, script, what in cases:
        with Scripted(script) as server:
            home = test.home(script.__name__)
            home.configure(account(kind, port=server.port, ca=ca.path))
            test.say("%s: %s" % (script.__name__, told(home, script.__name__, what)))
            no_secret(server)


def sending(test):
    """SMTP: the mail stays in the outbox, and nothing of it or of the password leaves."""
    ca, stranger = Ca(test.path("ca")), Ca(test.path("stranger"), "A stranger")
    leaves = {"name": ca.leaf("name"), "expired": ca.leaf("expired"), "unknown": stranger.leaf(), "good": ca.leaf()}
    maildir = test.path("mail")
    for part in ["cur", "new", "tmp"]:
        os.makedirs(os.path.join(maildir, part))

    def script(offers, answer, leaf):
        def talk_starttls(talk):
            talk.send("220 here\r\n")
            while (line := talk.line()):
                if line.upper().startswith("EHLO"):
                    talk.send("250-here\r\n%s250 AUTH PLAIN LOGIN\r\n" % offers)
                elif line.upper() == "STARTTLS" and answer:
                    talk.send(answer)
                    if answer.startswith("220"):
                        talk.start_tls(*leaf)
                        return talk.until_gone()
                else:
                    talk.send("502 no\r\n")
        return talk_starttls

    def smtps(leaf):
        def talk_tls(talk):
            talk.start_tls(*leaf)
            talk.send("220 here\r\n")
            talk.until_gone()
        return talk_tls
    offer, yes = "250-STARTTLS\r\n", "220 go on\r\n"
    cases = [("stripped", "smtp", script("", None, None), r"offers no STARTTLS .* Nothing was sent\. Try smtps://"),
             ("refused", "smtp", script(offer, "454 not today\r\n", None), r"refused STARTTLS, so nothing was sent: .*not today\. Try smtps://"),
             ("injected", "smtp", script(offer, yes + "250 injected\r\n", leaves["good"]), r"put words into the connection .* nothing was sent\. Don't use this network")]
    for fault, (wrong, advice) in FAULTS.items():
        cases.append((fault + "-smtp", "smtp", script(offer, yes, leaves[fault]), wrong + ".*" + advice))
        cases.append((fault + "-smtps", "smtps", smtps(leaves[fault]), wrong + ".*" + advice))
    for name, kind, talk, what in cases:
        with Scripted(talk) as server:
            home = test.home(name)
            home.configure("[account work]\naddress = ada@localhost\nmaildir = %s\nsmtp = %s://ada@localhost:%d\npassword_command = echo %s\n"
                           "tls_ca = %s\n" % (maildir, kind, server.port, PASSWORD, ca.path))
            run = home.cli("send", "--wait", "-t", stdin=message("Secret words", to="Bob <bob@example.org>"), check=False, timeout_s=60)
            assert run.returncode == 1 and re.search(what, run.stderr, re.S), (name, run.returncode, run.stderr)
            assert server.connections >= 1
            no_secret(server)
            assert b"Secret words" not in server.heard + server.heard_tls
            assert len(home.cli("queue").stdout.splitlines()) == 1
            test.say("%s: %s" % (name, run.stderr.strip().splitlines()[-1]))


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
