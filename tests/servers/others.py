"""Mail servers that are not Dovecot, from private prefixes as in servers.py: what is true of one server need not be of the next. Each serves any number
of users on a port of loopback, with all its files below one directory, and ends with the test."""
import contextlib
import ctypes
import fcntl
import glob
import os
import shutil
import signal
import smtplib
import socket
import subprocess
import time

from servers import PASSWORD, Identity, Skip, end, free_ports, unpacked, wait_for


PASSWORD_MD5 = "$1$model$hLBht/eis1eMvgrD8C4cg0"  # PASSWORD, as openssl passwd -1 writes it


class Daemon:
    """A server with one IMAP port in FOLDER. A kind says which packages it is in, and how it is configured and run."""

    NAME = GROUP = None
    PACKAGES = []
    PATHS = ["usr/sbin", "usr/bin"]  # of its programs

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
        for place in self.PATHS:
            if os.path.exists(os.path.join(self.tree, place, name)):
                return os.path.join(self.tree, place, name)
        raise Skip("%s has no %s" % (self.GROUP, name))

    def environment(self):
        libraries = [path for path in glob.glob(os.path.join(self.tree, "lib/*-linux-*")) + glob.glob(os.path.join(self.tree, "usr/lib/*-linux-*")) + glob.glob(os.path.join(self.tree, "usr/lib/*-linux-*/*"))
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
            if "unshare:" in self.log():
                raise Skip("%s needs a mount namespace: %s" % (self.NAME, self.log().strip()))
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
    PATHS = ["usr/lib/cyrus/bin"] + Daemon.PATHS

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
        for pid in filter(str.isdigit, os.listdir(self.path("proc"))):
            with contextlib.suppress(OSError):
                with open(self.path("proc", pid)) as told:
                    if user in told.read().split("\t")[1:4]:
                        yield int(pid)


def killed_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG; unshare does not heed another


COURIER_RUN = """
set -e
mount --bind {dir}/etc /etc
mount -t tmpfs -o mode=755 none /run
mount --bind {tree}/usr/libexec /usr/libexec
mkdir -p /run/courier/authdaemon
{authdaemond} &
set -a
. /etc/courier/imapd
IMAP_EMPTYTRASH= IMAPDSTARTTLS=NO
exec {couriertcpd} -address=127.0.0.1 -maxprocs=200 -maxperip=200 -nodnslookup -noidentlookup {imap} {imaplogin} {imapd} Maildir
"""


class Courier(Daemon):
    """Courier IMAP. Where it looks for its configuration and its sockets is compiled in: it sees an /etc and a /run of its own."""

    NAME, GROUP, PACKAGES = "Courier", "courier", ["courier-imap", "courier-authlib", "courier-authlib-userdb", "courier-base"]
    PATHS = ["usr/lib/courier/courier", "usr/lib/courier/courier-authlib", "usr/bin", "usr/sbin"]  # not sbin/imapd, which is a script

    def __init__(self, folder):
        if os.getuid():
            raise Skip("Courier needs root for an /etc of its own")
        super().__init__(folder)
        os.makedirs(self.path("mail"))
        shutil.copytree(os.path.join(self.tree, "etc/courier"), self.path("etc/courier"))
        for name in ["passwd", "group", "nsswitch.conf", "ld.so.cache", "hosts"]:
            if os.path.exists("/etc/" + name):
                shutil.copy("/etc/" + name, self.path("etc"))
        with open(self.path("etc/courier/authdaemonrc"), "a") as out:
            out.write('authmodulelist="authuserdb"\n')

    def run(self):
        programs = {name: self.find(name) for name in ["authdaemond", "couriertcpd", "imaplogin", "imapd"]}
        self.write("run.sh", COURIER_RUN.format(dir=self.folder, tree=self.tree, imap=self.imap, **programs))
        return self.launch(["unshare", "-m", "-p", "--fork", "--kill-child", "--propagation", "private", "sh", self.path("run.sh")], become=killed_with_parent)

    def stop(self):
        # With the first process all of its own are killed, whom it does not tell that they should end.
        if self.process:
            self.process.kill()
            self.process.wait()

    def home(self, user):
        return self.path("mail", user)

    def add_user(self, user):
        """What makeuserdb would write, which has its own path compiled in."""
        for name in ["cur", "new", "tmp"]:
            os.makedirs(os.path.join(self.home(user), "Maildir", name))
        self.who.give(self.home(user))
        os.chown(self.home(user), self.who.uid, self.who.gid)
        with open(self.path("users"), "a+") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            users.write(user + "\n")
            users.flush()
            users.seek(0)
            names = users.read().split()
            self.make_database("userdb", ["%s\tuid=%d|gid=%d|home=%s|_=" % (name, self.who.uid, self.who.gid, self.home(name)) for name in names])
            self.make_database("userdbshadow", ["%s\tsystempw=%s" % (name, PASSWORD_MD5) for name in names])

    def make_database(self, name, lines):
        path = self.path("etc/courier", name)
        subprocess.run([self.find("makedatprog"), "-", path + ".tmp", path + ".dat"], input="\n".join(lines + [".", ""]), text=True, check=True,
                       env=self.environment(), umask=0o077)

    def deliver(self, message, user):
        """As its own delivery agent does: complete in tmp, then in new."""
        Courier.delivered += 1
        name = "%d.%d_%d.test" % (time.time(), os.getpid(), Courier.delivered)
        inbox = os.path.join(self.home(user), "Maildir")
        with open(os.path.join(inbox, "tmp", name), "wb") as out:
            out.write(message.replace(b"\r\n", b"\n"))
            os.chown(out.fileno(), self.who.uid, self.who.gid)
        os.rename(os.path.join(inbox, "tmp", name), os.path.join(inbox, "new", name))

    delivered = 0

    def serving(self, user):
        """Processes whose directory is this user's mail."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if os.readlink("/proc/%s/cwd" % pid).startswith(self.home(user)):
                    yield int(pid)
