#!/usr/bin/python3
"""What is asked by tests/e2e/proxy.sh through the API server: in a pod, on
$POD_IP, HTTP on 8080 and (with a certificate) HTTPS on 8443.
Usage: proxy_server.py [CERTIFICATE KEY]"""
import hashlib, http.server, json, os, ssl, sys, threading, time, urllib.parse

NAME = os.environ["HOSTNAME"]

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def body(self):
        """The request's body, piece by piece."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                data = self.rfile.read(size)
                self.rfile.readline()
                if not size:
                    return
                yield data
        left = int(self.headers.get("Content-Length", 0))
        while left:
            data = self.rfile.read(min(left, 65536))
            left -= len(data)
            yield data

    def answer(self, code, text, fields=()):
        body = text.encode()
        self.send_response(code)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def begin(self, *fields):
        self.send_response(200)
        for name, value in fields:
            self.send_header(name, value)
        self.end_headers()

    def big(self, size, write):
        block = bytes(range(256)) * 256
        while size:
            write(block[:size])
            size -= min(size, len(block))

    def on_any(self):
        path, _, query = self.path.partition("?")
        args = urllib.parse.parse_qs(query)
        size = int(args.get("n", ["0"])[0])
        if path == "/":
            self.answer(200, f"hello from {NAME}\n")
        elif path == "/who":
            self.answer(200, f"{NAME} {self.server.server_address[1]}\n")
        elif path.startswith("/echo"):
            digest, count = hashlib.md5(), 0
            for data in self.body():
                digest.update(data)
                count += len(data)
            self.answer(200, json.dumps({
                "method": self.command, "path": self.path, "headers": [list(h) for h in self.headers.items()],
                "bytes": count, "md5": digest.hexdigest()}) + "\n",
                [("X-Served-By", NAME), ("Access-Control-Allow-Origin", "*"), ("Keep-Alive", "timeout=5"),
                 ("Connection", "keep-alive, X-Hop"), ("X-Hop", "secret"), ("Content-Type", "application/json")])
        elif path == "/page":
            self.answer(200, '<html><a href="/a?b=c">a</a><img src="b.png"><a href="http://example.com/c">c</a></html>\n',
                        [("Content-Type", "text/html; charset=utf-8"), ("X-Encodings", self.headers.get("Accept-Encoding", "none"))])
        elif path == "/big":
            self.begin(("Content-Length", str(size)))
            self.big(size, self.wfile.write)
        elif path == "/chunked":
            self.begin(("Transfer-Encoding", "chunked"))
            self.big(size, lambda b: self.wfile.write(b"%x;x=y\r\n%b\r\n" % (len(b), b)))
            self.wfile.write(b"0\r\nX-Trailer: t\r\n\r\n")
        elif path == "/until-close":
            self.begin(("Connection", "close"))
            self.big(size, self.wfile.write)
        elif path == "/sent":       # how much of /counted was taken so far
            self.answer(200, f"{self.server.sent}\n")
        elif path == "/counted":
            self.begin(("Content-Length", str(size)))
            def write(data):
                self.wfile.write(data)
                self.server.sent += len(data)
            self.server.sent = 0
            self.big(size, write)
        elif path == "/taken":      # how much of the last /count came so far
            self.answer(200, f"{self.server.taken}\n")
        elif path == "/count":      # takes a body slowly: when /go was asked
            self.server.taken = 0
            self.server.go.clear()
            for data in self.body():
                self.server.taken += len(data)
                self.server.go.wait(30)
            self.answer(200, f"{self.server.taken}\n")
        elif path == "/go":
            self.server.go.set()
            self.answer(200, "go\n")
        elif path == "/early":      # answers, and reads nothing of the body
            self.answer(413, "too much\n")
            self.close_connection = True
        elif path == "/redirect":
            self.answer(302, "", [("Location", args["to"][0])])
        elif path.startswith("/status/"):
            self.answer(int(path[8:]), "" if path[8:] in ("204", "304") else "as you like\n")
        elif path == "/interim":
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
            self.answer(200, "after\n")
        elif path == "/cut":
            self.begin(("Content-Length", "1000"))
            self.wfile.write(b"only this")
            self.close_connection = True
        elif path == "/nothing":
            self.close_connection = True
        elif path == "/nonsense":
            self.wfile.write(b"I speak something else\r\n\r\n")
            self.close_connection = True
        elif path == "/long-head":
            self.begin(("X-Long", "x" * 20000), ("Content-Length", "0"))
        elif path == "/upgrade":    # to lines, each said back in capitals; "bye" ends them
            if self.headers.get("Upgrade") != "lines" or self.headers.get("Connection") != "Upgrade":
                return self.answer(400, "what?\n")
            self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: lines\r\nConnection: Upgrade\r\n"
                             b"X-Served-By: " + NAME.encode() + b"\r\n\r\nwelcome\n")
            for line in self.rfile:
                if line == b"bye\n":
                    break
                self.wfile.write(line.upper())
            self.server.upgraded += 1
            self.wfile.write(b"the end\n")
            self.close_connection = True
        elif path == "/upgraded":   # how many of those have ended
            self.answer(200, f"{self.server.upgraded}\n")
        elif path == "/hang":       # until the other side goes
            self.server.hanging += 1
            self.connection.settimeout(60)
            try:
                self.connection.recv(1)
            except OSError:
                pass
            self.server.hanging -= 1
            self.close_connection = True
        elif path == "/hanging":
            self.answer(200, f"{self.server.hanging}\n")
        else:
            self.answer(404, "nothing here\n")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = on_any

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = allow_reuse_address = True
    sent = taken = hanging = upgraded = 0

    def handle_error(self, request, address):
        pass

def server(port):
    s = Server((os.environ["POD_IP"], port), Handler)
    s.go = threading.Event()
    return s

if len(sys.argv) > 2:
    tls = server(8443)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    tls.socket = context.wrap_socket(tls.socket, server_side=True)
    threading.Thread(target=tls.serve_forever, daemon=True).start()
server(8080).serve_forever()
