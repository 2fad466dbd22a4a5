#!/usr/bin/env python3
"""A WebSocket client of the standard library alone, for the tests.

Usage: websocket.py KUBECONFIG PATH PROTOCOL[,PROTOCOL...] [--send HEX]... [--until TEXT] [--stay] [--answer HEX]
       PROTOCOL "-": none is named
Prints the status line of a refusal with its body, else the chosen protocol and
then each message: "text" or "binary", then its bytes as Python shows them.
--send: the bytes of a message; text for the base64 protocols, else binary.
--stay: after --until's text was seen it says "seen" and waits for its end.
--answer: the same, and a message is sent then."""
import argparse, base64, hashlib, os, re, signal, socket, ssl, struct, sys, tempfile

signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever reads may have seen enough

args = argparse.ArgumentParser()
args.add_argument("kubeconfig")
args.add_argument("path")
args.add_argument("protocols")
args.add_argument("--send", action="append", default=[])
args.add_argument("--until")
args.add_argument("--stay", action="store_true")
args.add_argument("--answer")
o = args.parse_args()

config = open(o.kubeconfig).read()
value = lambda name: re.search(rf"{name}: *\"?([^\s\"]+)", config)
host, port = re.search(r"https://([^:/]+):(\d+)", config).groups()
tls = ssl.create_default_context()
tls.check_hostname = False
tls.verify_mode = ssl.CERT_NONE
if value("client-certificate-data"):
    with tempfile.NamedTemporaryFile() as pem:
        pem.write(base64.b64decode(value("client-certificate-data")[1]))
        pem.write(base64.b64decode(value("client-key-data")[1]))
        pem.flush()
        tls.load_cert_chain(pem.name)
sock = tls.wrap_socket(socket.create_connection((host, int(port)), 30))
sock.settimeout(30)

key = base64.b64encode(os.urandom(16)).decode()
head = [f"GET {o.path} HTTP/1.1", f"Host: {host}:{port}", "Connection: Upgrade",
        "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
if o.protocols != "-":
    head.append("Sec-WebSocket-Protocol: " + ", ".join(o.protocols.split(",")))
if value("token"):
    head.append("Authorization: Bearer " + value("token")[1])
sock.sendall("\r\n".join(head + ["", ""]).encode())

data = b""


def need(n):
    global data
    while len(data) < n:
        more = sock.recv(65536)
        if not more:
            print("eof", flush=True)
            sys.exit(2)
        data += more
    out, data = data[:n], data[n:]
    return out


while b"\r\n\r\n" not in data:
    data += need(len(data)) + sock.recv(65536)
answer, data = data.split(b"\r\n\r\n", 1)
lines = answer.decode().split("\r\n")
if " 101 " not in lines[0]:
    length = [l for l in lines if l.lower().startswith("content-length:")]
    print(lines[0].split(" ", 1)[1], need(int(length[0].split(":")[1])).decode() if length else "")
    sys.exit(1)
fields = {l.split(": ", 1)[0].lower(): l.split(": ", 1)[1] for l in lines[1:]}
want = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
assert fields["sec-websocket-accept"] == want.decode(), fields
chosen = fields.get("sec-websocket-protocol", "")
print("protocol", chosen or "-", flush=True)


def send(opcode, body):
    mask = os.urandom(4)
    n = len(body)
    size = bytes([0x80 | n]) if n < 126 else b"\xfe" + struct.pack(">H", n) if n < 65536 \
        else b"\xff" + struct.pack(">Q", n)
    sock.sendall(bytes([0x80 | opcode]) + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(body)))


for message in o.send:
    send(1 if "base64" in chosen else 2, bytes.fromhex(message))
seen = b""
while True:
    first, second = need(2)
    n = second & 127
    n = struct.unpack(">H", need(2))[0] if n == 126 else struct.unpack(">Q", need(8))[0] if n == 127 else n
    body = need(n)
    opcode = first & 15
    if opcode == 9:
        send(10, body)
    elif opcode == 8:
        print("close", struct.unpack(">H", body[:2])[0] if body else "", flush=True)
        send(8, body[:2])
        break
    elif opcode in (1, 2):
        seen += body
        print("text" if opcode == 1 else "binary", repr(body)[1:], flush=True)
    if o.until and o.until.encode() in seen:
        if o.answer:
            send(2, bytes.fromhex(o.answer))
        elif not o.stay:
            break
        print("seen", flush=True)
        o.until = None
