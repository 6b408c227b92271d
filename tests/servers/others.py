"""Mail servers that are not Dovecot, from private prefixes as in servers.py: what is true of one server need not be of the next. Each serves any number
of users on a port of loopback, with all its files below one directory, and ends with the test."""
import contextlib
import glob
import os
import shutil
import signal
import smtplib
import socket
import subprocess

from servers import PASSWORD, Identity, Skip, end, free_ports, unpacked, wait_for


class Daemon:
    """A server with one IMAP port in FOLDER. A kind says which packages it is in, and how it is configured and run."""

    NAME = GROUP = None
    PACKAGES = []

    def __init__(self, folder):
        self.folder, self.who, self.process = folder, Identity(), None
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        self.tree = self.reachable(unpacked(self.GROUP, self.PACKAGES))
        self.imap, = free_ports(1)
        self.users = []

    def reachable(self, tree):
        """The unpacked tree, or a copy where the server's user can see it."""
        if self.who.sees(tree):
            return tree
        copy = os.path.join(self.folder, "tree")
        shutil.copytree(tree, copy, symlinks=True)
        return copy

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w") as out:
            out.write(text)

    def find(self, name):
        """A program of the tree."""
        for place in ["usr/sbin", "usr/bin", "usr/lib/cyrus/bin", "usr/lib/courier", "usr/lib/courier/courier-authlib", "usr/libexec/courier"]:
            if os.path.exists(os.path.join(self.tree, place, name)):
                return os.path.join(self.tree, place, name)
        raise Skip("%s has no %s" % (self.GROUP, name))

    def environment(self):
        libraries = [path for path in glob.glob(os.path.join(self.tree, "usr/lib/*-linux-*")) + glob.glob(os.path.join(self.tree, "usr/lib/*-linux-*/*"))
                     + [os.path.join(self.tree, "usr/lib")] + glob.glob(os.path.join(self.tree, "usr/lib/*")) if glob.glob(path + "/*.so*")]
        return {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": ":".join(libraries), "TZ": "UTC", "LC_ALL": "C.UTF-8"}

    def launch(self, command, become=None, **options):
        return subprocess.Popen(command, env=self.environment(), preexec_fn=become or self.who.become, cwd=self.folder, start_new_session=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(self.path("stderr"), "ab"), **options)

    def call(self, *command):
        run = subprocess.run(command, env=self.environment(), preexec_fn=self.who.become, cwd=self.folder, capture_output=True, text=True)
        if run.returncode:
            raise AssertionError("%s: %s" % (" ".join(command), run.stderr or run.stdout))
        return run.stdout

    def start(self):
        for _ in range(5):
            self.process = self.run()
            wait_for(lambda: self.process.poll() is not None or self.listens(), lambda: "%s does not listen\n%s" % (self.NAME, self.log()))
            if self.process.poll() is None:
                return self
            if "in use" not in self.log():
                raise AssertionError("%s did not start:\n%s" % (self.NAME, self.log()))
            self.imap, = free_ports(1)
        raise AssertionError("no free port for " + self.NAME)

    def listens(self):
        try:
            with socket.create_connection(("127.0.0.1", self.imap), 5) as probe:
                probe.settimeout(5)
                return probe.recv(100).startswith(b"* ")
        except OSError:
            return False

    def log(self):
        with contextlib.suppress(FileNotFoundError):
            with open(self.path("stderr"), errors="replace") as log:
                return log.read()
        return ""

    def stop(self):
        if self.process:
            end(self.process)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


IMAPD_CONF = """
configdirectory: {dir}/conf
defaultpartition: default
partition-default: {dir}/spool
proc_path: {dir}/proc
mboxname_lockpath: {dir}/lock
idlesocket: {dir}/idle
lmtpsocket: {dir}/lmtp
cyrus_user: {user}
servername: localhost
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {dir}/sasldb2
sasl_mech_list: PLAIN LOGIN
allowplaintext: yes
unixhierarchysep: yes
altnamespace: yes
conversations: 1
duplicatesuppression: 0
autocreate_quota: 0
autocreate_post: yes
"""
CYRUS_CONF = """
START {{
  recover cmd="{ctl_cyrusdb} -C {dir}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="{imapd} -C {dir}/imapd.conf" listen="127.0.0.1:{imap}" prefork=4
  lmtpunix cmd="{lmtpd} -C {dir}/imapd.conf" listen="{dir}/lmtp" prefork=1
}}
DAEMON {{
  idled cmd="{idled} -C {dir}/imapd.conf"
}}
"""


class Cyrus(Daemon):
    """Cyrus IMAP, with altnamespace and conversations."""

    NAME, GROUP, PACKAGES = "Cyrus", "cyrus", ["cyrus-imapd", "sasl2-bin", "libsasl2-modules-db"]

    def __init__(self, folder):
        super().__init__(folder)
        for name in ["conf/socket", "spool", "proc", "lock"]:
            os.makedirs(self.path(name), exist_ok=True)

    def run(self):
        programs = {name: self.find(name) for name in ["ctl_cyrusdb", "imapd", "lmtpd", "idled"]}
        self.write("imapd.conf", IMAPD_CONF.format(dir=self.folder, user=self.who.user))
        self.write("cyrus.conf", CYRUS_CONF.format(dir=self.folder, imap=self.imap, **programs))
        self.who.give(self.folder)
        return self.launch([self.find("master"), "-C", self.path("imapd.conf"), "-M", self.path("cyrus.conf"), "-p", self.path("master.pid"), "-D"])

    def add_user(self, user):
        subprocess.run([self.find("saslpasswd2"), "-p", "-c", "-u", "localhost", "-f", self.path("sasldb2"), user], input=PASSWORD, text=True,
                       env=self.environment(), check=True)
        os.chown(self.path("sasldb2"), self.who.uid, self.who.gid)

    def deliver(self, message, user):
        with smtplib.LMTP(self.path("lmtp")) as lmtp:
            lmtp.sendmail("someone@example.org", [user], message)

    def serving(self, user):
        """Processes that have this user's mailbox open."""
        for pid in os.listdir(self.path("proc")):
            with contextlib.suppress(OSError):
                with open(self.path("proc", pid)) as told:
                    if user in told.read().split("\t")[1:4]:
                        yield int(pid)
