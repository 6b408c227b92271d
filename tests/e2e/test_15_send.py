#!/usr/bin/python3
"""Mail on its way out to a real Postfix: the connection cut at every byte, the program killed at every step. Nothing is lost, nothing arrives twice, what
nobody knows is asked, and there is one copy in Sent. In check positions are sampled, with the seed printed; FULMAR_SOAK=1 takes them all."""
import collections
import contextlib
import email
import email.policy
import os
import random
import signal
import subprocess
import time

from fulmar import PASSWORD, PROGRAM, SOAK, Postfix, Proxy, account, die_with_parent, run_tests, wait_for

SEED = int(os.environ.get("FULMAR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)


class Post:
    """A user with an account at Dovecot whose mail leaves through a proxy to Postfix, and whom it reaches."""

    def __init__(self, test, kind="smtps", port_name="submissions"):
        self.server = test.dovecot(users=("ada", "grace", "hidden"))
        os.makedirs(test.path("p"))
        self.postfix = test.enter(Postfix(test.path("p"), self.server))
        self.link = test.enter(Proxy(getattr(self.postfix, port_name)))
        self.home = test.home()
        self.home.configure(account("imaps", port=self.server.imaps, ca=self.server.ca.path, smtp="%s://ada@localhost:%d" % (kind, self.link.port)))
        self.home.cli("sync")
        self.count = 0

    def letter(self):
        """(Message-ID without brackets, bytes)"""
        self.count += 1
        ident = "letter%d@test" % self.count
        return ident, ("From: Ada <ada@localhost>\nTo: grace@localhost\nSubject: letter %d\nMessage-ID: <%s>\n\nwords\n.\nmore\n"
                       % (self.count, ident)).encode()

    def queued(self):
        return {mail["message_id"]: mail for mail in self.home.json("queue", "--json") if mail["kind"] == "mail"}

    def arrived(self, user="grace", folder="INBOX"):
        return collections.Counter(ident.strip("<>") for _, _, ident in self.server.listing(folder, user))

    def quiet(self):
        """Until Postfix has nothing on its way."""
        def idle():
            busy = [name for queue in ("incoming", "active", "maildrop") for name in os.listdir(os.path.join(self.postfix.folder, "queue", queue))]
            return not busy
        wait_for(idle, lambda: "Postfix to have delivered all\n" + self.postfix.log()[-2000:], 30)

    def settle(self):
        """As the user does: what waits is tried now; of what nobody knows the recipient is asked."""
        self.quiet()
        here = self.arrived()
        for ident, mail in self.queued().items():
            verb = "retry" if mail["state"] in ("waits", "failed") else ("sent" if here[ident] else "resend") if mail["state"] == "unknown" else None
            if verb:
                self.home.cli("queue", verb, str(mail["id"]))
        wait_for(lambda: not self.queued(), lambda: "the queue to be empty: %r" % self.queued(), 30)
        self.home.cli("sync")
        self.quiet()

    def check(self, must, may=()):
        """Those of MUST arrived once, with one copy in Sent; those of MAY likewise, or never existed."""
        here, copies = self.arrived(), self.arrived("ada", "Sent")
        for ident in must:
            assert (here[ident], copies[ident]) == (1, 1), "%s arrived %d times, %d copies in Sent" % (ident, here[ident], copies[ident])
        for ident in may:
            assert (here[ident], copies[ident]) in ((0, 0), (1, 1)), "%s arrived %d times, %d copies in Sent" % (ident, here[ident], copies[ident])


def cut(test, post):
    ident, letter = post.letter()
    post.link.clear()
    post.home.cli("send", "-t", "--wait", stdin=letter)
    up, down, all_idents, seen = post.link.up, post.link.down, [ident], collections.Counter()
    spots = [("cut_after", at) for at in range(1, down + 1)] + [("cut_up_after", at) for at in range(1, up + 1)]
    if not SOAK:
        # The last bytes are the answer to the dot, and the dot.
        spots = random.Random(SEED).sample(spots, 8) + [("cut_after", at) for at in range(down - 150, down, 25)] + [("cut_up_after", up - 60)]
    test.say("%d bytes up, %d down, %d cuts, FULMAR_SEED=%d" % (up, down, len(spots), SEED))
    for direction, at in spots:
        ident, letter = post.letter()
        all_idents.append(ident)
        setattr(post.link, direction, at)
        run = post.home.cli("send", "-t", "--wait", stdin=letter, check=False)
        setattr(post.link, direction, None)
        state = post.queued().get(ident, {"state": "sent"})["state"]
        seen[state] += 1
        assert (state == "sent") == (run.returncode == 0), (direction, at, state, run.returncode, run.stderr)
        assert state in ("sent", "waits", "unknown"), (direction, at, state)
        if len(post.queued()) >= 50:
            settle_and_check(post, all_idents)
    test.say(", ".join("%s %d" % pair for pair in sorted(seen.items())))
    assert seen["unknown"] and seen["waits"], seen
    settle_and_check(post, all_idents)


def settle_and_check(post, idents):
    """What waits has not arrived; in the end all has, once."""
    post.quiet()
    here = post.arrived()
    for ident, mail in post.queued().items():
        assert here[ident] <= (mail["state"] == "unknown"), (ident, mail["state"], here[ident])
    post.settle()
    post.check(idents)


def cut_tls(test):
    cut(test, Post(test))


def cut_starttls(test):
    cut(test, Post(test, "smtp", "submission"))


def killed(test):
    """SIGKILL, sooner and later; the link is slow, so that every step lasts."""
    post, must, may, source = Post(test), [], [], random.Random(SEED)
    post.link.delay_s = 0.015
    began = time.monotonic()
    ident, letter = post.letter()
    post.home.cli("send", "-t", "--wait", stdin=letter)
    whole, rounds = time.monotonic() - began, 300 if SOAK else 12
    must.append(ident)
    test.say("%.2f s without a kill, %d kills, FULMAR_SEED=%d" % (whole, rounds, SEED))
    seen = collections.Counter()
    for number in range(rounds):
        ident, letter = post.letter()
        process = subprocess.Popen([PROGRAM, "send", "-t", "--wait"], env=post.home.environment(), stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        process.stdin.write(letter)
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(whole * (number + source.random()) / rounds * 1.1)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        status = process.wait()
        # A second process looks: recovery is whoever leads next.
        state = post.queued().get(ident, {"state": "sent or never there"})["state"]
        seen[state] += 1
        (must if status == 0 or ident in post.queued() else may).append(ident)
    test.say(", ".join("%s %d" % pair for pair in sorted(seen.items())))
    post.link.delay_s = 0
    post.home.cli("sync", check=False)
    post.settle()
    post.check(must, may)


def on_the_wire(test):
    """What arrives is what was written; hidden recipients are served and not named; a mail too large is told before a byte of it is sent."""
    post = Post(test)
    body = ".\r\n..two\r\n.three\r\nFrom here\r\n" + "x" * 2500 + "\r\nGr\u00fc\u00dfe \U0001f468\u200d\U0001f469\r\n"
    letter = ("From: ada@localhost\r\nTo: grace@localhost\r\nBcc: hidden@localhost\r\nSubject: dots\r\nMessage-ID: <dots@test>\r\nMIME-Version: 1.0\r\n"
              "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + body)
    post.home.cli("send", "-t", "--wait", stdin=letter.encode())
    post.quiet()
    for user in "grace", "hidden":
        with post.server.imap_client(user) as client:
            client.select("INBOX")
            mail = email.message_from_bytes(client.fetch("1", "(BODY[])")[1][0][1], policy=email.policy.default)
        assert mail["Bcc"] is None and "hidden" not in mail["To"], str(mail)
        assert mail.get_content().replace("\r\n", "\n") == body.replace("\r\n", "\n"), mail.get_content()
    post.home.cli("sync")
    sent, = post.home.json("list", "--json", "work/Sent")
    raw = subprocess.check_output([PROGRAM, "show", "--raw", sent["id"]], env=post.home.environment())
    assert body.encode() in raw and b"hidden" not in raw, raw
    post.link.clear()
    large = letter.replace("dots@test", "large@test").replace(body, "0123456789" * 7 + "\r\n") + ("0123456789" * 7 + "\r\n") * 200000
    run = post.home.cli("send", "-t", "--wait", stdin=large.encode(), check=False)
    assert run.returncode == 1 and "too large" in run.stderr, run.stderr
    assert post.link.up < 10000, post.link.up
    assert post.queued()["large@test"]["state"] == "failed" and PASSWORD not in post.home.log()


if __name__ == "__main__":
    run_tests(on_the_wire, cut_tls, cut_starttls, killed)
