"""Opens N watches, one TLS connection each, and asks how much more memory the server has
then. Fails from KB each on.
Usage: held_watches.py PORT TOKEN N KB SERVER-PID..."""
import socket
import ssl
import sys

port, token, n, most, pids = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]
context = ssl._create_unverified_context()
held = []


def memory():
    """KB of what the processes have for themselves."""
    total = 0
    for pid in pids:
        with open("/proc/%s/smaps_rollup" % pid) as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("Pss_Anon:"))
    return total


def open_watch():
    s = context.wrap_socket(socket.create_connection(("127.0.0.1", port)))
    s.sendall(("GET /api/v1/namespaces/default/configmaps?watch=1&labelSelector=none HTTP/1.1\r\n"
               "Host: localhost\r\nAuthorization: Bearer %s\r\n\r\n" % token).encode())
    assert s.recv(12) == b"HTTP/1.1 200", "no watch"
    held.append(s)


for _ in range(50):
    open_watch()
before = memory()
for _ in range(n):
    open_watch()
each = (memory() - before) / n
print("%.1f KB each" % each)
sys.exit(each >= most)
