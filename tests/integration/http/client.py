"""A server with its HTTP ports, and requests to it."""
import contextlib
import http.client
import json
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "resp"))
import harness  # noqa: E402

WAIT = harness.WAIT


class Http:
    """A server, and one persistent connection to its REST port."""

    def __init__(self, *options, **kw):
        self.port, self.metrics = harness.free_port(), harness.free_port()
        self.options = ["--http-port", str(self.port), "--metrics-port", str(self.metrics), *options]
        self.server = harness.Server(*self.options, **kw)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)

    def __enter__(self):
        self.server.__enter__()
        return self

    def __exit__(self, *what):
        self.connection.close()
        return self.server.__exit__(*what)

    def raw(self, method, path, body=None, **headers):
        """Status, headers and bytes."""
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def call(self, method, path, body=None, **headers):
        """Status and decoded JSON; a body that is no bytes is sent as JSON."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        status, _, text = self.raw(method, path, body, **headers)
        return status, json.loads(text) if text else None

    def command(self, *words, **more):
        status, answer = self.call("POST", "/api/v1/command", {"command": list(words), **more})
        return (status, answer["result"]) if "result" in answer else (status, answer["error"])

    def resp(self):
        """A RESP client of the same server."""
        return contextlib.closing(self.server.client())

    def socket(self):
        s = socket.create_connection(("127.0.0.1", self.port), WAIT)
        s.settimeout(WAIT)
        return s


def read_answer(file):
    """One answer from a socket's file: status and body."""
    status = int(file.readline().split()[1])
    headers = {}
    while True:
        line = file.readline().strip().lower()
        if not line:
            break
        name, value = line.split(b":", 1)
        headers[name] = value.strip()
    if headers.get(b"transfer-encoding") == b"chunked":
        body = b""
        while True:
            n = int(file.readline(), 16)
            body += file.read(n)
            file.readline()
            if n == 0:
                return status, body
    return status, file.read(int(headers.get(b"content-length", 0)))
