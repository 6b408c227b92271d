"""A TCP proxy on loopback that spoils the link on demand, and counts what passes. All settings may be changed while it runs, from any thread:

delay_s     each chunk waits that long, in either direction (half of a round trip)
rate_bps    bytes a second, in either direction
black_hole  bytes are taken and go nowhere; nothing is closed
refuse      new connections are reset
cut_after   after that many bytes from the server on one connection, it is reset; cut_up_after: from the client

Counters: down, up (bytes), turns (how often the client spoke after the server), connections; `said` keeps what the clients sent."""
import heapq
import itertools
import selectors
import socket
import struct
import sys
import threading
import time


class Link:
    """Two sockets, the bytes each is still owed, and what passed."""

    def __init__(self, client, server):
        self.client, self.server = client, server
        self.passed = {"down": 0, "up": 0}
        self.free_at = {"down": 0.0, "up": 0.0}  # when the line of that direction is free again
        self.last = None
        self.closed = False


class Proxy:
    def __init__(self, target_port, target_host="127.0.0.1"):
        self.target = (target_host, target_port)
        self.delay_s, self.rate_bps = 0.0, None
        self.black_hole = self.refuse = False
        self.cut_after = self.cut_up_after = None
        self.down = self.up = self.turns = self.connections = 0
        self.said = bytearray()
        self.links, self.timers, self.order = set(), [], itertools.count()
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.inbox, self.wake = socket.socketpair()
        self.selector.register(self.inbox, selectors.EVENT_READ, None)
        self.calls = []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.call(self.finish)
        self.thread.join(5)

    # From other threads.

    def call(self, function):
        self.calls.append(function)
        self.wake.send(b".")

    def cut(self):
        """Resets every connection there is, and waits until it is done."""
        done = threading.Event()
        self.call(lambda: ([self.reset(link) for link in list(self.links)], done.set()))
        done.wait(5)

    def open_links(self):
        return len(self.links)

    def clear(self):
        self.down = self.up = self.turns = self.connections = 0
        self.said = bytearray()

    # The thread of the proxy.

    def run(self):
        self.running = True
        while self.running:
            now = time.monotonic()
            while self.timers and self.timers[0][0] <= now:
                heapq.heappop(self.timers)[2]()
            wait = max(0, self.timers[0][0] - now) if self.timers else None
            for key, _ in self.selector.select(wait):
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj is self.inbox:
                    self.inbox.recv(4096)
                    while self.calls:
                        self.calls.pop(0)()
                else:
                    self.read(*key.data)

    def finish(self):
        self.running = False
        for link in list(self.links):
            self.reset(link)
        self.listener.close()

    def accept(self):
        client, _ = self.listener.accept()
        self.connections += 1
        link = Link(client, None)
        if self.refuse:
            return self.reset(link)
        try:
            link.server = socket.create_connection(self.target, 5)
        except OSError:
            return self.reset(link)
        for end, direction in [(client, "up"), (link.server, "down")]:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(end, selectors.EVENT_READ, (link, direction))
        self.links.add(link)

    def read(self, link, direction):
        if link.closed:
            return
        source, sink = (link.client, link.server) if direction == "up" else (link.server, link.client)
        try:
            data = source.recv(65536)
        except OSError:
            return self.reset(link)
        if direction == "up":
            self.said += data
            if data and link.last == "down":
                self.turns += 1
        if data:
            link.last = direction
        if self.black_hole:
            if not data:
                self.selector.unregister(source)
            return
        at = max(time.monotonic(), link.free_at[direction]) + (len(data) / self.rate_bps if self.rate_bps else 0)
        link.free_at[direction] = at
        if not data:
            self.selector.unregister(source)
        if self.delay_s or self.rate_bps:
            heapq.heappush(self.timers, (at + self.delay_s, next(self.order), lambda: self.pass_on(link, sink, direction, data)))
        else:
            self.pass_on(link, sink, direction, data)

    def pass_on(self, link, sink, direction, data):
        if link.closed or self.black_hole:
            return
        limit = self.cut_after if direction == "down" else self.cut_up_after
        cut = limit is not None and link.passed[direction] + len(data) >= limit
        if cut:
            data = data[:limit - link.passed[direction]]
        try:
            sink.settimeout(30)
            sink.sendall(data)
        except OSError:
            return self.reset(link)
        link.passed[direction] += len(data)
        setattr(self, direction, getattr(self, direction) + len(data))
        if cut:
            self.close(link)
        elif not data:
            self.close(link)

    def reset(self, link):
        """Closes both ends so that the peers get an error, as from a router that forgot."""
        for end in [link.client, link.server]:
            if end:
                try:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                except OSError:
                    pass
        self.close(link)

    def close(self, link):
        link.closed = True
        self.links.discard(link)
        for end in [link.client, link.server]:
            if end:
                try:
                    self.selector.unregister(end)
                except (KeyError, ValueError):
                    pass
                end.close()


if __name__ == "__main__":
    # In a process of its own, for tests that measure: "proxy.py PORT DELAY_S RATE_BPS" prints its port and ends with its input.
    alone = Proxy(int(sys.argv[1]))
    alone.delay_s, alone.rate_bps = float(sys.argv[2]), float(sys.argv[3])
    print(alone.port, flush=True)
    sys.stdin.read()
