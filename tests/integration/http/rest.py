#!/usr/bin/env python3
"""Integration tests of the HTTP listeners.

  rest.py --server PROGRAM [WORD...]    WORD: run only tests whose name has it
"""
import argparse
import base64
import contextlib
import json
import os
import resource
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request

from client import Http, harness, read_answer

SANITIZED = os.environ.get("ORBIT_VARIANT") == "asan"
COMMAND = "/api/v1/command"


def equal(got, want):
    if got != want:
        raise AssertionError("got %r, not %r" % (got, want))


def basic(user, password):
    return "Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()


# -- commands -------------------------------------------------------------------------------------

def test_command_shapes():
    with Http() as h:
        equal(h.command("SET", "k", "v"), (200, "OK"))
        equal(h.command("GET", "k"), (200, "v"))
        equal(h.command("GET", "none"), (200, None))
        equal(h.command("INCRBY", "n", 5), (200, 5))
        equal(h.command("RPUSH", "l", "a", "b"), (200, 2))
        equal(h.command("LRANGE", "l", 0, -1), (200, ["a", "b"]))
        equal(h.command("HSET", "h", "f", "1", "g", 2.5), (200, 2))
        equal(h.command("HGETALL", "h"), (200, {"f": "1", "g": "2.5"}))
        equal(h.command("ZADD", "z", 1.5, "m", "inf", "top"), (200, 2))
        equal(h.command("ZRANGE", "z", 0, -1, "WITHSCORES"), (200, [["m", 1.5], ["top", "inf"]]))
        equal(h.command("SADD", "s", "x"), (200, 1))
        equal(h.command("SMEMBERS", "s"), (200, ["x"]))
        equal(h.command("DEBUG", "PROTOCOL", "bignum")[1],
              {"code": "ERR", "message": h.command("DEBUG", "PROTOCOL", "bignum")[1]["message"]})
        equal(h.command("SET", "b", {"base64": "/wA="}), (200, "OK"))
        equal(h.command("GET", "b"), (200, {"base64": "/wA="}))
        equal(h.command("STRLEN", "b"), (200, 2))
        equal(h.command("SET", "u", "grüße \"\\\n\u0001\U0001f600"), (200, "OK"))
        equal(h.command("GET", "u"), (200, "grüße \"\\\n\u0001\U0001f600"))
        assert "redis_version" in h.command("INFO", "server")[1]
        status, docs = h.command("COMMAND", "DOCS", "get")
        equal((status, docs["get"]["since"]), (200, "1.0.0"))


def test_command_errors_have_their_status():
    with Http() as h:
        h.command("SET", "k", "v")
        status, error = h.command("LPUSH", "k", "x")
        equal((status, error["code"]), (400, "WRONGTYPE"))
        equal(h.command("NOPE")[0], 400)
        equal(h.command("GET")[0], 400)
        equal(h.command("EVALSHA", "0" * 40, 0)[0], 404)
        for body in (b"", b"{", b"[]", b"null", b'{"command":[]}', b'{"command":"GET"}', b'{"command":[null]}',
                     b'{"command":[["a"]]}', b'{"command":["GET","k"],"x":1}', b'{"command":["a"],"commands":[["b"]]}',
                     b'{"commands":[]}', b'{"command":["GET","\xff"]}', b'{"command":[{"base64":"!"}]}',
                     b'{"command":["GET","k"],"db":-1}', b"[" * 100000, b'{"command":["PING"]} x'):
            status, error = h.call("POST", COMMAND, body, **{"Content-Type": "application/json"})
            equal(status, 400)
            assert error["error"]["message"], body
        equal(h.call("POST", COMMAND, b'{"command":["PING"]}', **{"Content-Type": "text/plain"})[0], 415)
        equal(h.command("GET", "k", db=99999)[0], 400)
        for words in (["SUBSCRIBE", "c"], ["MONITOR"], ["PSYNC", "?", "-1"], ["CLIENT", "REPLY", "OFF"]):
            equal(h.command(*words)[0], 400)
        equal(h.command("PING"), (200, "PONG"))
        status, headers, _ = h.raw("PUT", COMMAND)
        equal((status, headers["Allow"]), (405, "POST"))
        equal(h.call("GET", "/")[0], 404)


def test_several_commands_and_transactions():
    with Http() as h:
        many = {"commands": [["SET", "a", 1], ["LPUSH", "a", "x"], ["INCR", "a"], ["SELECT", 1], ["GET", "a"]]}
        status, answer = h.call("POST", COMMAND, many)
        equal(status, 200)
        equal([list(r) for r in answer["results"]], [["result"], ["error"], ["result"], ["result"], ["result"]])
        equal(answer["results"][4], {"result": None})
        status, answer = h.call("POST", COMMAND, {"commands": [["INCR", "a"], ["HGETALL", "a"]], "transaction": True})
        equal(answer["results"][0], {"result": 3})
        equal(answer["results"][1]["error"]["code"], "WRONGTYPE")
        status, answer = h.call("POST", COMMAND, {"commands": [["INCR", "a"], ["NOPE"]], "transaction": True})
        equal(status, 400)
        assert "NOPE" in answer["error"]["message"]
        equal(h.command("GET", "a"), (200, "3"))
        status, answer = h.call("POST", COMMAND, {"commands": [["PING"], ["QUIT"], ["PING"]]})
        equal(answer["results"], [{"result": "PONG"}, {"result": "OK"}, {"result": None}])
        equal(h.command("PING"), (200, "PONG"))


def test_blocking_commands_wait_and_go_with_their_client():
    with Http() as h, h.resp() as r:
        s = h.socket()
        body = b'{"commands":[["BLPOP","q","0"],["INCR","after"]]}'
        s.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                  % (COMMAND.encode(), len(body), body))
        harness.eventually("blocked", lambda: b"blocked_clients:1" in r.call("INFO", "clients"))
        r.call("RPUSH", "q", "x")
        status, answer = read_answer(s.makefile("rb"))
        equal((status, json.loads(answer)), (200, {"results": [{"result": ["q", "x"]}, {"result": 1}]}))
        s.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                  % (COMMAND.encode(), len(body), body))
        harness.eventually("blocked", lambda: b"blocked_clients:1" in r.call("INFO", "clients"))
        s.close()
        harness.eventually("unblocked", lambda: b"blocked_clients:0" in r.call("INFO", "clients"))
        r.call("RPUSH", "q", "y")
        equal(r.call("LLEN", "q"), 1)
        r.call("CLIENT", "PAUSE", "300", "WRITE")
        begun = time.monotonic()
        equal(h.command("SET", "p", 1), (200, "OK"))
        assert time.monotonic() - begun > 0.2


def test_keys():
    with Http() as h:
        equal(h.call("GET", "/api/v1/keys/none")[0], 404)
        equal(h.call("PUT", "/api/v1/keys/a%2Fb%20%C3%A9", b"\x00\xff raw"), (200, {"result": "OK"}))
        equal(h.call("GET", "/api/v1/keys/a%2Fb%20%C3%A9")[1],
              {"key": "a/b é", "type": "string", "ttl_ms": None, "value": {"base64": "AP8gcmF3"}})
        equal(h.call("PUT", "/api/v1/keys/t", {"value": "x", "ttl_ms": 60000})[0], 200)
        assert 50000 < h.call("GET", "/api/v1/keys/t")[1]["ttl_ms"] <= 60000
        equal(h.call("PUT", "/api/v1/keys/t", {"value": 1, "ttl": 3})[0], 400)
        equal(h.call("PUT", "/api/v1/keys/t", {"value": 1, "ttl_ms": 0})[0], 400)
        h.command("RPUSH", "l", 1, 2)
        h.command("XADD", "x", "1-1", "f", "v")
        h.command("SADD", "s", "m")
        equal(h.call("GET", "/api/v1/keys/l")[1]["value"], ["1", "2"])
        equal(h.call("GET", "/api/v1/keys/x")[1]["value"], [["1-1", ["f", "v"]]])
        equal(h.call("GET", "/api/v1/keys/s")[1]["value"], ["m"])
        equal(h.call("PUT", "/api/v1/keys/t?db=3", b"three")[0], 200)
        equal(h.call("GET", "/api/v1/keys/t?db=3")[1]["value"], "three")
        equal(h.call("GET", "/api/v1/keys/t")[1]["value"], "x")
        equal(h.call("DELETE", "/api/v1/keys/l"), (200, {"result": 1}))
        equal(h.call("DELETE", "/api/v1/keys/l")[0], 404)
        equal(h.call("GET", "/api/v1/keys/%zz")[0], 400)
        equal(h.call("GET", "/api/v1/keys/")[0], 404)
        equal(h.call("GET", "/api/v1/keys/t?db=x")[0], 400)
        status, headers, body = h.raw("HEAD", "/api/v1/keys/s")
        equal((status, body), (200, b""))
        equal(int(headers["Content-Length"]), len(h.raw("GET", "/api/v1/keys/s")[2]))


def test_unknown_engine():
    with Http() as h:
        status, answer = h.call("POST", "/api/v1/query/sql", {"query": "SELECT 1"})
        equal(status, 404)
        assert "sql" in answer["error"]["message"]


def test_queries_stream():
    module = os.path.join(os.path.dirname(os.path.abspath(harness.Server.program)), "modules", "sample.so")
    if not os.path.exists(module):
        return
    with Http("--loadmodule", module) as h, h.resp() as r:
        url = "/api/v1/query/sample"
        status, answer = h.call("POST", url, {"query": "RANGE 1 4"})
        equal(status, 200)
        equal([c["name"] for c in answer["columns"]], ["n", "square"])
        equal(answer["rows"], [[1, 1], [2, 4], [3, 9]])
        status, answer = h.call("POST", url, {"query": "NONSENSE"})
        equal(status, 400)
        assert answer["error"]["message"]
        equal(h.call("POST", url, {"query": 1})[0], 400)
        equal(h.call("POST", url, {})[0], 400)
        equal(len(h.call("POST", url, {"query": "RANGE 1 200001"})[1]["rows"]), 200000)
        # One that is slow, whose client goes, and that takes its time without holding up others.
        body = json.dumps({"query": "RANGE 1 100000 SLEEP 5000"}).encode()
        s = h.socket()
        s.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                  % (url.encode(), len(body), body))
        begun = time.monotonic()
        equal(h.command("PING"), (200, "PONG"))
        assert time.monotonic() - begun < 1
        s.close()
        s = h.socket()
        body = json.dumps({"query": "RANGE 1 5000000"}).encode()
        s.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                  % (url.encode(), len(body), body))
        time.sleep(0.5)
        before = h.server.rss()
        time.sleep(0.5)
        assert SANITIZED or h.server.rss() - before < 20 << 20
        s.close()
        r.call("ACL", "SETUSER", "few", "on", ">pw", "+get", "~*")
        equal(h.call("POST", url, {"query": "RANGE 1 4"}, Authorization=basic("few", "pw"))[0], 403)
        equal(h.command("PING"), (200, "PONG"))


# -- who may what ---------------------------------------------------------------------------------

def test_authentication():
    with Http("--requirepass", "pw") as h, h.resp() as r:
        r.call("AUTH", "pw")
        r.call("ACL", "SETUSER", "reader", "on", ">secret", "~open:*", "+@read", "+type", "+pttl")
        status, headers, _ = h.raw("GET", "/api/v1/keys/k")
        equal(status, 401)
        assert headers["WWW-Authenticate"].startswith("Basic")
        equal(h.call("POST", COMMAND, b"{", **{"Content-Type": "application/json"})[0], 401)
        for good in (basic("default", "pw"), basic("", "pw"), "Bearer pw",
                     "bearer " + base64.b64encode(b"default:pw").decode()):
            equal(h.call("GET", "/api/v1/keys/k", Authorization=good)[0], 404)
        for bad in (basic("default", "no"), basic("nobody", "pw"), "Bearer x", "Basic !", "Digest a", "Basic"):
            equal(h.call("GET", "/api/v1/keys/k", Authorization=bad)[0], 401)
        reader = basic("reader", "secret")
        equal(h.call("GET", "/api/v1/keys/open:k", Authorization=reader)[0], 404)
        equal(h.call("GET", "/api/v1/keys/closed", Authorization=reader)[0], 403)
        equal(h.call("PUT", "/api/v1/keys/open:k", b"x", Authorization=reader)[0], 403)
        equal(h.call("GET", "/health/ready")[0], 200)
        assert any(b"auth" in entry for entry in r.call("ACL", "LOG"))


def test_web_pages_get_nothing():
    with Http() as h:
        equal(h.call("GET", "/api/v1/keys/k", Origin="http://evil.example")[0], 403)
        equal(h.call("POST", COMMAND, {"command": ["PING"]}, Origin="null")[0], 403)
        equal(h.call("GET", "/api/v1/keys/k", Host="evil.example")[0], 403)
        equal(h.call("GET", "/api/v1/keys/k", Host="localhost:8080")[0], 404)
        equal(h.call("GET", "/api/v1/keys/k", Host="[::1]:8080")[0], 404)
        _, headers, _ = h.raw("GET", "/health", Origin="http://evil.example")
        assert not [k for k in headers if k.lower().startswith("access-control")]
        h.command("CONFIG", "SET", "protected-mode", "no")
        equal(h.call("GET", "/api/v1/keys/k", Host="orbit.internal")[0], 404)


# -- hostile and slow clients ---------------------------------------------------------------------

def test_bodies_and_headers_are_bounded():
    with Http("--http-max-body", "100kb") as h:
        equal(h.call("PUT", "/api/v1/keys/k", b"x" * 100000)[0], 200)
        for head in (b"Content-Length: 200000", b"Content-Length: 99999999999999", b"Transfer-Encoding: chunked"):
            s = h.socket()
            try:
                s.sendall(b"PUT /api/v1/keys/k HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n")
                chunk = b"x" * 10000
                for _ in range(20):
                    s.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk) if b"chunked" in head else chunk)
                if b"999" not in head:
                    s.sendall(b"0\r\n\r\n")
                    equal(read_answer(s.makefile("rb"))[0], 413)
            except OSError:
                pass
            s.close()
        s = h.socket()
        try:
            s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 200000 + b"\r\n\r\n")
            equal(read_answer(s.makefile("rb"))[0], 400)
        except OSError:
            pass
        s.close()
        equal(h.command("PING"), (200, "PONG"))


def test_unclear_framing_is_refused():
    with Http() as h:
        for head in (b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"Content-Length: 5\r\nContent-Length: 6",
                     b"Transfer-Encoding: gzip, chunked", b"Content-Length: +5", b"Content-Length: 5"):
            s = h.socket()
            method = b"GET" if head == b"Content-Length: 5" else b"POST"
            s.sendall(method + b" /health HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\n\r\n")
            equal(read_answer(s.makefile("rb"))[0], 400)
            equal(s.recv(1), b"")
            s.close()


def test_garbage():
    with Http() as h:
        for data in (b"\0" * 1000, b"\xff\xfe\r\n\r\n", b"GET\r\n\r\n", b"BREW / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"GET http://\x01 HTTP/1.1\r\n\r\n", b"*1\r\n$4\r\nPING\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                     b"GET /health HTTP/1.1\r\n: x\r\n\r\n", b"GET /%00 HTTP/1.0\r\n\r\n", b"OPTIONS * HTTP/1.1\r\n\r\n",
                     b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"POST /api/v1/command HTTP/1.1\r\nExpect: x\r\nContent-Length: 3\r\n\r\nabc"):
            s = h.socket()
            s.sendall(data)
            s.settimeout(0.3)
            try:
                s.recv(4096)
            except OSError:
                pass
            s.close()
            equal(h.call("GET", "/health")[0], 200)


def test_requests_sent_ahead():
    with Http() as h:
        s = h.socket()
        one = b'{"command":["INCR","n"]}'
        request = (b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                   % (COMMAND.encode(), len(one), one))
        s.sendall(request * 300)
        file = s.makefile("rb")
        for i in range(300):
            status, body = read_answer(file)
            equal((status, json.loads(body)), (200, {"result": i + 1}))
        s.close()
        for cut in range(1, len(request), 5):
            s = h.socket()
            s.sendall(request[:cut])
            time.sleep(0.002)
            s.sendall(request[cut:])
            equal(read_answer(s.makefile("rb"))[0], 200)
            s.close()
        s = h.socket()
        s.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        file = s.makefile("rb")
        equal(read_answer(file)[0], 200)
        equal(file.read(), b'{"status":"healthy"}')


def test_large_answers_stream_to_slow_clients():
    with Http() as h, h.resp() as r:
        for i in range(0, 20):
            r.call("RPUSH", "big", *["%06d" % k + "x" * 1000 for k in range(i * 1000, i * 1000 + 1000)])
        before = h.server.rss()
        s = h.socket()
        s.sendall(b"GET /api/v1/keys/big HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.5)
        begun = time.monotonic()
        equal(r.call("PING"), b"PONG")
        assert time.monotonic() - begun < 0.2
        assert SANITIZED or h.server.rss() - before < 90 << 20, h.server.rss() - before
        status, body = read_answer(s.makefile("rb"))
        value = json.loads(body)["value"]
        equal((status, len(value), value[12345][:6]), (200, 20000, "012345"))
        s.close()
        s = h.socket()
        s.sendall(b"GET /api/v1/keys/big HTTP/1.1\r\nHost: localhost\r\n\r\n")
        s.recv(1000)
        s.close()
        equal(h.command("PING"), (200, "PONG"))


def test_idle_connections_are_closed():
    with Http("--http-idle-timeout", "1") as h:
        waits, begun = h.socket(), h.socket()
        begun.sendall(b"GET /hea")
        equal((waits.recv(1), begun.recv(1)), (b"", b""))
        blocked = h.socket()
        body = b'{"command":["BLPOP","q","2"]}'
        blocked.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                        % (COMMAND.encode(), len(body), body))
        equal(read_answer(blocked.makefile("rb")), (200, b'{"result":null}'))


def test_a_thousand_connections():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    many = 1000
    with Http("--http-max-connections", str(many)) as h:
        sockets = [h.socket() for _ in range(many)]
        for s in sockets:
            s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for s in sockets:
            equal(read_answer(s.makefile("rb"))[0], 200)
        over = h.socket()
        over.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        over.settimeout(0.5)
        try:
            over.recv(1)
            raise AssertionError("one connection too many was served")
        except TimeoutError:
            pass
        over.settimeout(10)
        for s in sockets:
            s.close()
        equal(read_answer(over.makefile("rb"))[0], 200)


# -- the server's life ----------------------------------------------------------------------------

def test_acknowledged_writes_survive_a_kill():
    with Http("--appendfsync", "always") as h:
        done = []

        def write():
            import http.client
            c = http.client.HTTPConnection("127.0.0.1", h.port, timeout=10)
            try:
                for i in range(100000):
                    c.request("PUT", "/api/v1/keys/k%d" % i, b"v%d" % i)
                    answer = c.getresponse()
                    answer.read()
                    if answer.status == 200:
                        done.append(i)
            except (OSError, http.client.HTTPException):
                pass
        t = threading.Thread(target=write)
        t.start()
        time.sleep(1)
        h.server.process.kill()
        h.server.process.wait()
        t.join()
        assert len(done) > 20, len(done)
        again = harness.Server("--http-port", "0", "--metrics-port", "0", directory=h.server.dir)
        with contextlib.closing(again.client()) as r:
            for i in done:
                equal(r.call("GET", "k%d" % i), b"v%d" % i)
        again.stop()


def test_sigterm_with_requests_under_way():
    with Http() as h, h.resp() as r:
        sockets = [h.socket() for _ in range(5)]
        body = b'{"command":["BLPOP","q","0"]}'
        for s in sockets:
            s.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                      % (COMMAND.encode(), len(body), body))
        harness.eventually("blocked", lambda: b"blocked_clients:5" in r.call("INFO", "clients"))
        equal(h.server.stop(signal.SIGTERM), 0)
        for s in sockets:
            equal(read_answer(s.makefile("rb"))[0], 503)


def test_a_busy_script():
    with Http("--lua-time-limit", "50") as h, h.resp() as r:
        r.send(harness.Client.encode("EVAL", "while true do end", 0))
        harness.eventually("busy", lambda: h.command("GET", "k")[0] == 503)
        equal(h.call("GET", "/health/live")[0], 200)
        equal(h.command("SCRIPT", "KILL"), (200, "OK"))
        harness.eventually("free", lambda: h.command("GET", "k")[0] == 200)


def test_ports_follow_config():
    with Http() as h, h.resp() as r:
        other = harness.free_port()
        r.call("CONFIG", "SET", "http-port", other)
        urllib.request.urlopen("http://127.0.0.1:%d/health" % other).read()
        try:
            h.socket()
            raise AssertionError("the former port is open")
        except OSError:
            pass
        r.call("CONFIG", "SET", "http-port", 0, "metrics-port", 0)
        with harness.socket.socket() as s:
            equal(s.connect_ex(("127.0.0.1", other)) != 0, True)
        taken = harness.socket.socket()
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        try:
            r.call("CONFIG", "SET", "http-port", taken.getsockname()[1])
            raise AssertionError("a port that is taken")
        except harness.Reply:
            pass


def test_tls():
    folder = tempfile.mkdtemp(prefix="orbit-http-")
    cert, key = os.path.join(folder, "c.pem"), os.path.join(folder, "k.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with Http("--http-tls", "yes", "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no") as h:
        context = ssl.create_default_context(cafile=cert)
        answer = urllib.request.urlopen("https://localhost:%d/health" % h.port, context=context)
        equal(json.loads(answer.read()), {"status": "healthy"})
        with h.resp() as r:
            r.call("SET", "big", "x" * 3000000)
        answer = urllib.request.urlopen("https://localhost:%d/api/v1/keys/big" % h.port, context=context)
        equal(len(json.loads(answer.read())["value"]), 3000000)
        plain = h.socket()
        plain.sendall(b"GET /health HTTP/1.1\r\n\r\n")
        try:
            assert not plain.recv(100).startswith(b"HTTP")
        except ConnectionResetError:
            pass
    shutil.rmtree(folder)


# -- descriptions, metrics, other clients ---------------------------------------------------------

def test_openapi():
    with Http() as h:
        status, doc = h.call("GET", "/api/v1/openapi.json")
        equal((status, doc["openapi"][:3]), (200, "3.0"))
        text = json.dumps(doc)
        for ref in set(part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]):
            assert ref in doc["components"]["schemas"], ref
        for path, operations in doc["paths"].items():
            for method, operation in operations.items():
                assert operation["responses"] and operation["operationId"], path
                got = h.raw(method.upper(), path.replace("{", "").replace("}", ""))[0]
                assert got != 405, (method, path, got)
        validator = "from openapi_spec_validator import validate_spec; import json, sys; validate_spec(json.load(sys.stdin))"
        if subprocess.run(["python3", "-c", "import openapi_spec_validator"], stderr=subprocess.DEVNULL).returncode == 0:
            subprocess.run(["python3", "-c", validator], input=text.encode(), check=True)


def test_metrics():
    with Http() as h, h.resp() as r:
        r.call("SET", "k", "v")
        r.call("GET", "none")
        try:
            r.call("NOPE")
        except harness.Reply:
            pass
        answer = urllib.request.urlopen("http://127.0.0.1:%d/metrics" % h.metrics)
        text = answer.read().decode()
        equal(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        equal(values['orbit_command_duration_seconds_count{command="set"}'], "1")
        equal(values['orbit_error_replies_total{code="ERR"}'], "1")
        equal(values['orbit_database_keys{database="db0"}'], "1")
        equal(values["orbit_keyspace_misses_total"], "1")
        equal(values['orbit_storage_healthy{provider="rocksdb",protocol="redis"}'], "1")
        if shutil.which("promtool"):
            subprocess.run(["promtool", "check", "metrics"], input=text.encode(), check=True, stdout=subprocess.DEVNULL)
        # Each row of the table finds its field, but for those that only replicas have.
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
        with open(os.path.join(root, "src/services/info/metrics.def")) as f:
            names = [line.split('"')[3] for line in f if line.startswith(("METRIC(", "STORAGE("))]
        missing = [n for n in names if "# TYPE orbit_%s " % n not in text]
        equal(missing, ["master_link_up", "master_last_io_seconds"])
        try:
            urllib.request.urlopen("http://127.0.0.1:%d/health" % h.metrics)
        except urllib.error.HTTPError as e:
            equal(e.code, 404)


def test_curl():
    if not shutil.which("curl"):
        return
    with Http() as h:
        base = ["curl", "-sS", "--max-time", "10", "-H", "Content-Type: application/json"]
        url = "http://127.0.0.1:%d" % h.port
        out = subprocess.run([*base, "-d", '{"command":["SET","k","curl"]}', url + COMMAND], check=True, capture_output=True)
        equal(out.stdout, b'{"result":"OK"}')
        # Large enough for "Expect: 100-continue".
        big = json.dumps({"value": "y" * 3000000})
        out = subprocess.run([*base, "-H", "Expect: 100-continue", "-X", "PUT", "--data-binary", "@-", url + "/api/v1/keys/big"],
                             input=big.encode(), check=True, capture_output=True)
        equal(out.stdout, b'{"result":"OK"}')
        out = subprocess.run([*base, url + "/api/v1/keys/k", url + "/api/v1/keys/k"], check=True, capture_output=True)
        equal(out.stdout.count(b'"curl"'), 2)
        equal(h.command("STRLEN", "big"), (200, 3000000))


def test_node_fetch():
    if not shutil.which("node"):
        return
    with Http() as h:
        program = """
        const base = 'http://127.0.0.1:%d/api/v1';
        const post = (body) => fetch(base + '/command', {method: 'POST', body: JSON.stringify(body),
            headers: {'Content-Type': 'application/json'}}).then(r => r.json());
        (async () => {
            await Promise.all([...Array(200).keys()].map(i => post({command: ['INCR', 'n']})));
            const all = await post({commands: [['GET', 'n'], ['HSET', 'h', 'f', 'v'], ['HGETALL', 'h']]});
            const key = await fetch(base + '/keys/' + encodeURIComponent('a/b'), {method: 'PUT', body: 'x'});
            console.log(JSON.stringify(all.results), key.status);
        })();""" % h.port
        out = subprocess.run(["node", "-e", program], check=True, capture_output=True, timeout=60)
        equal(out.stdout, b'[{"result":"200"},{"result":1},{"result":{"f":"v"}}] 200\n')


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--server", default="bin/orbit-server")
    p.add_argument("words", nargs="*")
    args = p.parse_args()
    harness.Server.program = args.server
    passed = failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_") or (args.words and not any(w in name for w in args.words)):
            continue
        begun = time.monotonic()
        try:
            test()
            passed += 1
            print("ok      %s (%.1f s)" % (name, time.monotonic() - begun), flush=True)
        except Exception:
            failed += 1
            print("FAILED  %s\n%s" % (name, traceback.format_exc()), flush=True)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
