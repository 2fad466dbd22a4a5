#!/usr/bin/python3
"""What is probed by tests/e2e/probes.sh: in a pod, on $POD_IP, HTTP on 8080 and
(with a certificate) HTTPS on 8443. GET /NAME answers with the status that the
file DIR/NAME holds; 200 without one. The last request for it is in DIR/seen-NAME.
Usage: probe_server.py DIR [CERTIFICATE KEY]"""
import http.server, os, ssl, sys, threading, time

DIR, IP = sys.argv[1], os.environ.get("POD_IP", "0.0.0.0")

class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        name = self.path[1:].split("?")[0]
        new = f"{DIR}/.{os.getpid()}.{threading.get_ident()}"
        with open(new, "w") as f:
            f.write(f"{self.requestline}\n{self.headers}")
        os.rename(new, f"{DIR}/seen-{name}")
        if name == "slow":
            time.sleep(30)
        if name in ("near", "far"):
            self.send_response(302)
            self.send_header("Location", "/ok" if name == "near" else "http://127.0.0.1:1/")
            self.end_headers()
            return
        try:
            with open(f"{DIR}/{name}") as f:
                status = int(f.read())
        except (OSError, ValueError):
            status = 200
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"that is it\n")

class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = daemon_threads = True

if len(sys.argv) > 3:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[2], sys.argv[3])
    s = Server((IP, 8443), Handler)
    s.socket = tls.wrap_socket(s.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=s.serve_forever, daemon=True).start()
Server((IP, 8080), Handler).serve_forever()
