"""A server that says what a test tells it to say, for what real servers don't do. Each connection runs the test's function in a thread."""
import socket
import ssl
import threading


class Conversation:
    """One connection: line in, text out. `heard` keeps every byte that came in clear, `heard_tls` what came under TLS."""

    def __init__(self, connection, server):
        self.socket, self.server, self.buffer, self.tls = connection, server, b"", False

    def send(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())

    def line(self):
        """The next line without its end; "" when the client has gone."""
        while b"\n" not in self.buffer:
            data = self.socket.recv(4096)
            if not data:
                return ""
            self.buffer += data
            if self.tls:
                self.server.heard_tls += data
            else:
                self.server.heard += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def start_tls(self, certificate, key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.buffer = b""
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.tls = True

    def until_gone(self):
        while self.line():
            pass


class Scripted:
    """Runs TALK (conversation) for each connection until closed."""

    def __init__(self, talk):
        self.talk, self.heard, self.heard_tls, self.connections = talk, bytearray(), bytearray(), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.settimeout(30)
        try:
            self.talk(Conversation(connection, self))
        except (OSError, ssl.SSLError):
            pass
        finally:
            connection.close()
