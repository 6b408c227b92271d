"""Real mail servers for the tests: Dovecot and Postfix from private prefixes (fetch-debs.sh), each test with servers of its own on loopback,
a private certificate authority, and mail delivered by LMTP. Nothing is installed, nothing outside the test's directory is written, and the
servers end with the test. As root the servers run as `nobody`, since Dovecot refuses to serve root's mail."""
import contextlib
import ctypes
import glob
import imaplib
import os
import pwd
import random
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tarfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SLOWNESS = float(os.environ.get("FULMAR_TEST_SLOWNESS", "1"))  # how much longer a sanitizer may take: every limit of time is multiplied
PASSWORD = "s3cret"
DOVECOT_PACKAGES = ["dovecot-core", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd"]


class Skip(Exception):
    """What the test needs is not here; the reason is its text."""


def wait_for(condition, what, timeout_s=20):
    """Polls until CONDITION () is true and returns its value; fails loudly at the deadline."""
    end = time.monotonic() + timeout_s * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("not within %g s: %s" % (timeout_s, what() if callable(what) else what))
        time.sleep(0.01)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def end(process, grace_s=10):
    """Asks a child of ours to end, then makes it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_ports(count):
    """Ports below the ephemeral range, so that no outgoing connection takes one between our look and the server's bind."""
    found = []
    source = random.SystemRandom()
    while len(found) < count:
        port = source.randrange(12000, 30000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def prefix():
    top = os.environ.get("FULMAR_TOP_BUILDDIR") or os.path.join(HERE, "../../build")
    return os.environ.get("FULMAR_SERVERS") or os.path.join(top, "servers")


def unpacked(group, packages):
    """The tree of GROUP, fetched if it is not there yet."""
    run = subprocess.run(["sh", os.path.join(HERE, "fetch-debs.sh"), prefix(), group] + packages, capture_output=True, text=True)
    if run.returncode == 77:
        raise Skip("no %s: %s" % (group, run.stderr.strip() or "packages can't be fetched here"))
    if run.returncode:
        raise AssertionError("fetch-debs.sh: " + run.stderr)
    return os.path.join(os.path.abspath(prefix()), group)


class Identity:
    """Whom the servers run as: ourselves, or nobody if we are root."""

    def __init__(self):
        self.is_root = os.getuid() == 0
        entry = pwd.getpwnam("nobody") if self.is_root else pwd.getpwuid(os.getuid())
        self.uid, self.gid, self.user = entry.pw_uid, entry.pw_gid, entry.pw_name

    def become(self):
        if self.is_root:
            os.setgroups([])
            os.setgid(self.gid)
            os.setuid(self.uid)
        die_with_parent()

    def give(self, top):
        """Makes TOP, with all below it, theirs."""
        if self.is_root:
            for folder, folders, names in os.walk(top):
                for name in folders + names + ["."]:
                    os.lchown(os.path.join(folder, name), self.uid, self.gid)

    def sees(self, path):
        """Whether each directory up to PATH lets them through."""
        path = os.path.abspath(path)
        while self.is_root and path != "/":
            if not os.stat(path).st_mode & 0o001:
                return False
            path = os.path.dirname(path)
        return True


class Ca:
    """A private certificate authority. leaf () makes a key and certificate of the wanted fault: "", "name", "expired"."""

    def __init__(self, folder, name="Fulmar test CA"):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.path = os.path.join(folder, "ca.pem")
        self.openssl("req", "-x509", *self.KEY, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=" + name,
                     "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    def openssl(self, *arguments):
        try:
            run = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, text=True)
        except FileNotFoundError:
            raise Skip("no openssl")
        if run.returncode:
            raise AssertionError("openssl %s: %s" % (" ".join(arguments), run.stderr))

    def leaf(self, fault=""):
        """(certificate path, key path)"""
        stem = "leaf-" + (fault or "good")
        names = "DNS:elsewhere.example" if fault == "name" else "DNS:localhost,IP:127.0.0.1"
        self.openssl("req", *self.KEY, "-keyout", stem + ".key", "-out", stem + ".csr", "-subj", "/CN=" + names[4:].split(",")[0])
        with open(os.path.join(self.folder, stem + ".ext"), "w") as out:
            out.write("subjectAltName=%s\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n" % names)
        # Negative days: over before it began to count. Older openssl has no other way to date a certificate back.
        self.openssl("x509", "-req", "-in", stem + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                     "-days", "-1" if fault == "expired" else "30", "-extfile", stem + ".ext", "-out", stem + ".pem")
        return os.path.join(self.folder, stem + ".pem"), os.path.join(self.folder, stem + ".key")


DOVECOT_CONF = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
instance_name = fulmar-{pid}
libexec_dir = {lib}
mail_plugin_dir = {lib}/modules
import_environment = LD_LIBRARY_PATH TZ
listen = 127.0.0.1
protocols = imap pop3 lmtp
first_valid_uid = 1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_username_format = %Ln
auth_failure_delay = 0
mail_location = maildir:~/Maildir
mailbox_list_index = yes
mailbox_idle_check_interval = 1 secs
mail_max_userip_connections = 100
postmaster_address = postmaster@localhost
ssl = {ssl}
ssl_cert = <{cert}
ssl_key = <{key}
{capability}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%Ln {dir}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/mail/%Ln
}}
namespace inbox {{
  inbox = yes
  separator = /
{mailboxes}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  service_count = 0
  inet_listener pop3 {{
    port = {pop}
  }}
  inet_listener pop3s {{
    port = {pops}
    ssl = yes
  }}
}}
service lmtp {{
  user = {user}
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service auth {{
  user = {user}
  inet_listener {{
    port = {auth}
  }}
}}
service auth-worker {{
  user = {user}
}}
service indexer-worker {{
  user = {user}
}}
service imap {{
  process_limit = 200
}}
service imap-hibernate {{
  chroot =
}}
protocol lmtp {{
  mail_fsync = never
}}
{extra}
"""
SPECIAL = {"Drafts": "\\Drafts", "Sent": "\\Sent", "Trash": "\\Trash", "Junk": "\\Junk", "Archive": "\\Archive"}


class Dovecot:
    """A Dovecot in FOLDER. Ports: imap, imaps, pop, pops, lmtp, auth. Options: ca, cert=(pem, key), users, capability (a whole IMAP
    capability line), special (names to create), mechanisms, extra (configuration lines)."""

    PORTS = ["imap", "imaps", "pop", "pops", "lmtp", "auth"]

    def __init__(self, folder, ca=None, cert=None, users=("ada",), special=SPECIAL, **options):
        self.who = Identity()
        self.folder = folder
        self.tree = self.reachable(unpacked("dovecot", DOVECOT_PACKAGES))
        self.lib = os.path.join(self.tree, "usr/lib/dovecot")
        self.ca = ca or Ca(os.path.join(folder, "ca"))
        self.cert = cert or self.ca.leaf()
        self.users, self.special, self.options = list(users), special, options
        self.process = None
        for name in ["run", "state", "lib", "mail"]:
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        os.chmod(folder, 0o755)
        self.patch_library()
        self.choose_ports()
        for user in self.users:
            os.makedirs(self.home(user), exist_ok=True)
        with open(os.path.join(folder, "users"), "w") as out:
            out.writelines("%s:%s\n" % (user, PASSWORD) for user in self.users)
        self.who.give(folder)

    def reachable(self, tree):
        """The unpacked tree, or a copy where the servers' user can see it."""
        if self.who.sees(tree):
            return tree
        copy = os.path.join(self.folder, "tree")
        if not os.path.exists(copy):
            shutil.copytree(tree, copy, symlinks=True)
        return copy

    def patch_library(self):
        """Two paths are compiled into Dovecot's library: that of the module which does TLS, and that of the reader of the configuration,
        which is executed where we start. Our copy of the library names links in this folder."""
        with open(os.path.join(self.lib, "libdovecot.so.0"), "rb") as library:
            data = library.read()
        for compiled, target, link in [(b"/usr/lib/dovecot/modules\0", self.lib + "/modules", os.path.join(self.folder, "m")),
                                       (b"/usr/bin/doveconf\0", self.tree + "/usr/bin/doveconf", "./doveconf")]:
            if len(link) >= len(compiled) or compiled not in data:
                raise Skip("Dovecot's library can't look into " + self.folder)
            data = data.replace(compiled, link.encode().ljust(len(compiled), b"\0"))
            if not os.path.lexists(os.path.join(self.folder, link)):
                os.symlink(target, os.path.join(self.folder, link))
        with open(os.path.join(self.folder, "lib/libdovecot.so.0"), "wb") as library:
            library.write(data)

    def choose_ports(self):
        for name, port in zip(self.PORTS, free_ports(len(self.PORTS))):
            setattr(self, name, port)

    def home(self, user="ada"):
        return os.path.join(self.folder, "mail", user)

    def maildir(self, user="ada"):
        return os.path.join(self.home(user), "Maildir")

    def environment(self):
        folders = [os.path.join(self.folder, "lib"), self.lib, self.lib + "/modules", self.lib + "/modules/old-stats"]
        folders += glob.glob(os.path.join(self.tree, "usr/lib/*-linux-*"))
        return {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": ":".join(folders), "TZ": "UTC"}

    def write_conf(self):
        capability = self.options.get("capability")
        with open(os.path.join(self.folder, "dovecot.conf"), "w") as out:
            out.write(DOVECOT_CONF.format(
                dir=self.folder, lib=self.lib, pid=os.getpid(), user=self.who.user, group=subprocess.run(
                    ["id", "-gn", self.who.user], capture_output=True, text=True).stdout.strip(),
                uid=self.who.uid, gid=self.who.gid, cert=self.cert[0], key=self.cert[1], ssl=self.options.get("ssl", "yes"),
                mechanisms=self.options.get("mechanisms", "plain login cram-md5 scram-sha-1 scram-sha-256"),
                capability="imap_capability = " + capability if capability else "",
                mailboxes="".join("  mailbox %s {\n    auto = subscribe\n    special_use = %s\n  }\n" % pair for pair in self.special.items()),
                extra=self.options.get("extra", ""), **{name: getattr(self, name) for name in self.PORTS}))

    def start(self):
        for _ in range(5):
            self.write_conf()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.folder, "run/anvil-auth-penalty"))
            self.process = subprocess.Popen([os.path.join(self.tree, "usr/sbin/dovecot"), "-F", "-c", self.folder + "/dovecot.conf"],
                                            env=self.environment(), preexec_fn=self.who.become, cwd=self.folder, start_new_session=True,
                                            stdout=subprocess.DEVNULL, stderr=open(self.folder + "/stderr", "ab"))
            wait_for(lambda: self.process.poll() is not None or self.listens(), self.log)
            if self.process.poll() is None:
                return self
            if "already in use" not in self.log():
                raise AssertionError("Dovecot did not start:\n" + self.log())
            self.choose_ports()
        raise AssertionError("no free ports for Dovecot")

    def listens(self):
        for name in self.PORTS:
            try:
                socket.create_connection(("127.0.0.1", getattr(self, name)), 1).close()
            except OSError:
                return False
        return True

    def log(self):
        text = ""
        for name in ["stderr", "dovecot.log"]:
            with contextlib.suppress(FileNotFoundError):
                text += open(os.path.join(self.folder, name), errors="replace").read()
        return text

    def stop(self):
        if self.process:
            end(self.process)
            # By themselves its children go within some fifteen seconds, and keep their connections so long; a restart must find the ports free.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            wait_for(lambda: not self.any_listens(), "Dovecot's children to leave its ports")

    def any_listens(self):
        for name in self.PORTS:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", getattr(self, name)), 1).close()
                return True
        return False

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def doveadm(self, *arguments):
        run = subprocess.run([os.path.join(self.tree, "usr/bin/doveadm"), "-c", self.folder + "/dovecot.conf", *arguments],
                             env=self.environment(), preexec_fn=self.who.become, cwd=self.folder, capture_output=True, text=True)
        if run.returncode:
            raise AssertionError("doveadm %s: %s" % (" ".join(arguments), run.stderr))
        return run.stdout

    def counts(self, user="ada"):
        """{folder: (messages, unseen)}"""
        out = self.doveadm("-f", "tab", "mailbox", "status", "-u", user, "messages unseen", "*")
        rows = [line.split("\t") for line in out.splitlines()[1:]]
        return {row[0]: (int(row[1]), int(row[2])) for row in rows}

    def deliver(self, message, user="ada"):
        """By LMTP; MESSAGE is bytes."""
        with smtplib.LMTP("127.0.0.1", self.lmtp) as lmtp:
            lmtp.sendmail("someone@example.org", [user + "@localhost"], message)

    def append(self, folder, *messages, flags="", user="ada"):
        """By IMAP; creates the folder if need be."""
        with self.imap_client(user) as client:
            client.create('"%s"' % folder)
            for message in messages:
                status, answer = client.append('"%s"' % folder, "(%s)" % flags, None, message)
                assert status == "OK", answer

    def imap_client(self, user="ada", tls=False):
        """A second connection, as of another device."""
        if tls:
            client = imaplib.IMAP4_SSL("localhost", self.imaps, ssl_context=ssl.create_default_context(cafile=self.ca.path))
        else:
            client = imaplib.IMAP4("127.0.0.1", self.imap)
        client.login(user, PASSWORD)
        return client

    def listing(self, folder, user="ada"):
        """[(uid, flags, message id)] as another device sees the folder; flags as a sorted list without \\Recent."""
        with self.imap_client(user) as client:
            status, _ = client.select('"%s"' % folder, readonly=True)
            if status != "OK":
                return []
            rows = []
            for item in client.uid("fetch", "1:*", "(UID FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]:
                if isinstance(item, tuple):
                    uid = int(re.search(rb"UID (\d+)", item[0]).group(1))
                    flags = sorted(set(re.search(rb"FLAGS \(([^)]*)\)", item[0]).group(1).decode().split()) - {"\\Recent"})
                    found = re.search(rb"<[^>]*>", item[1])
                    rows.append((uid, flags, found.group(0).decode() if found else ""))
            return rows

    def fill_maildir(self, folders, user="ada"):
        """Before start: {folder: [(bytes, seen)]} straight into the Maildir++ tree."""
        top = self.maildir(user)
        count = 0
        for folder, messages in folders.items():
            place = top if folder == "INBOX" else os.path.join(top, "." + folder.replace("/", "."))
            for part in ["cur", "new", "tmp"]:
                os.makedirs(os.path.join(place, part), exist_ok=True)
            for data, seen in messages:
                count += 1
                with open(os.path.join(place, "cur", "%d.M%dP1.test:2,%s" % (1000000000 + count, count, "S" if seen else "")), "wb") as out:
                    out.write(data)
            with open(os.path.join(top, "subscriptions"), "a") as out:
                out.write("" if folder == "INBOX" else folder + "\n")
        self.who.give(self.home(user))


def enron(limit=None):
    """The shared mailbox as {folder: [bytes]}; LIMIT messages of each folder."""
    corpus = os.environ.get("FULMAR_CORPUS") or os.path.join(HERE, "../../../shared/corpus")
    path = os.path.join(corpus, "mailboxes/enron-skilling.tar.xz")
    if not os.path.exists(path):
        raise Skip("no mailbox at " + path)
    folders = {}
    with tarfile.open(path) as archive:
        for member in archive:
            match = re.match(r"skilling-j/(.+)/\d+\.$", member.name)
            if member.isfile() and match:
                # Its inbox has a folder below it, which Maildir++ can't have.
                box = folders.setdefault({"inbox": "INBOX", "inbox/genie": "genie"}.get(match.group(1), match.group(1)), [])
                if limit is None or len(box) < limit:
                    box.append(archive.extractfile(member).read())
    return folders


POSTFIX_MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
daemon_directory = {lib}/sbin
command_directory = {tree}/usr/sbin
shlib_directory = {lib}
meta_directory = {dir}/etc
import_environment = MAIL_CONFIG TZ LANG=C LD_LIBRARY_PATH={libraries}
mail_owner = daemon
setgid_group = games
default_privs = nobody
maillog_file = {dir}/maillog
maillog_file_prefixes = {dir}
myhostname = mx.localhost
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
virtual_mailbox_domains = localhost, example.org
virtual_mailbox_maps =
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = may
smtpd_sasl_auth_enable = yes
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{auth}
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_peername_lookup = no
notify_classes =
"""
POSTFIX_MASTER = """
127.0.0.1:{submission} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
127.0.0.1:{submissions} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """Submission with TLS and AUTH, delivering into DOVECOT by LMTP. Ports: submission (STARTTLS), submissions (TLS). Needs root, since
    Postfix's master gives up its rights by itself."""

    def __init__(self, folder, dovecot):
        if os.getuid():
            raise Skip("Postfix needs root to start")
        self.folder, self.dovecot = folder, dovecot
        self.tree = dovecot.reachable(unpacked("postfix", ["postfix"])) if dovecot.who.sees(prefix()) else self.copied()
        self.lib = os.path.join(self.tree, "usr/lib/postfix")
        self.submission, self.submissions = free_ports(2)
        self.process = None
        for name in ["etc", "queue", "data"]:
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        os.chmod(folder, 0o755)

    def copied(self):
        copy = os.path.join(self.folder, "tree")
        shutil.copytree(unpacked("postfix", ["postfix"]), copy, symlinks=True)
        return copy

    def write_conf(self):
        libraries = ":".join([self.lib] + glob.glob(os.path.join(self.tree, "usr/lib/*-linux-*")))
        values = dict(dir=self.folder, lib=self.lib, tree=self.tree, libraries=libraries, lmtp=self.dovecot.lmtp, auth=self.dovecot.auth,
                      cert=self.dovecot.cert[0], key=self.dovecot.cert[1], submission=self.submission, submissions=self.submissions)
        with open(os.path.join(self.folder, "etc/main.cf"), "w") as out:
            out.write(POSTFIX_MAIN.format(**values))
        with open(os.path.join(self.folder, "etc/master.cf"), "w") as out:
            out.write(POSTFIX_MASTER.format(**values))
        open(os.path.join(self.folder, "etc/dynamicmaps.cf"), "w").close()
        self.environment = {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": libraries, "MAIL_CONFIG": self.folder + "/etc", "LANG": "C"}

    def make_queue(self):
        """What Postfix's own post-install would make: directories of its user, two of them open to its group."""
        daemon = pwd.getpwnam("daemon").pw_uid
        os.chown(os.path.join(self.folder, "data"), daemon, -1)
        for name in "active bounce corrupt defer deferred flush hold incoming private saved trace public maildrop".split():
            path = os.path.join(self.folder, "queue", name)
            os.makedirs(path, exist_ok=True)
            os.chown(path, daemon, -1)
            os.chmod(path, {"public": 0o755, "maildrop": 0o733}.get(name, 0o700))
        os.makedirs(os.path.join(self.folder, "queue/pid"), exist_ok=True)

    def start(self):
        self.make_queue()
        for _ in range(5):
            self.write_conf()
            self.process = subprocess.Popen([self.lib + "/sbin/master", "-c", self.folder + "/etc", "-d"], env=self.environment,
                                            preexec_fn=die_with_parent, cwd=self.folder, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=open(self.folder + "/stderr", "ab"))
            wait_for(lambda: self.process.poll() is not None or self.listens(), self.log)
            if self.process.poll() is None:
                return self
            if "already in use" not in self.log():
                raise AssertionError("Postfix did not start:\n" + self.log())
            self.submission, self.submissions = free_ports(2)
        raise AssertionError("no free ports for Postfix")

    def listens(self):
        try:
            with smtplib.SMTP("127.0.0.1", self.submission, timeout=5) as client:
                return client.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def log(self):
        text = ""
        for name in ["stderr", "maillog"]:
            with contextlib.suppress(FileNotFoundError):
                text += open(os.path.join(self.folder, name), errors="replace").read()
        return text

    def stop(self):
        if self.process:
            end(self.process)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
