"""The contract between Troupe and shared objects, from the headers that are it.
Usage: contract.py digest HEADER...           C: a digest of their text without comments
       contract.py symbols HEADER... -- LIB...  what they declare and the archives define:
                                              NAME.list (for --dynamic-list) and NAME.link (for @)
"""
import hashlib, re, subprocess, sys

def text(header):
    code = re.sub(r'/\*.*?\*/|//[^\n]*', ' ', open(header).read(), flags=re.S)
    return ' '.join(code.split())

def closed(headers):
    """No header of the contract may need one that is not in it."""
    for header in headers:
        for needed in re.findall(r'#include "([^"]+)"', text(header)):
            if needed not in headers and needed != "troupe_contract.h":
                sys.exit(f"{header} includes {needed}, which is no header of the contract (tools/sdk/build.mk)")

def digest(headers):
    closed(headers)
    sha = hashlib.sha256()
    for header in sorted(headers):
        sha.update(f"{header}\n{text(header)}\n".encode())
    print(f"#define TROUPE_CONTRACT_DIGEST UINT64_C(0x{sha.hexdigest()[:16]})")

def symbols(out, headers, libs):
    words = set(re.findall(r'\b[a-z_]\w+', ' '.join(text(h) for h in headers)))
    nm = subprocess.run(["nm", "-g", "--defined-only", *libs], check=True, capture_output=True, text=True).stdout
    defined = {line.split()[2] for line in nm.splitlines() if re.match(r'[0-9a-f]+ [TDRB] ', line)}
    names = sorted(words & defined)
    with open(out + ".list", "w") as f:
        f.write("{\n" + "".join(f"\t{n};\n" for n in names) + "};\n")
    with open(out + ".link", "w") as f:  # so that they are there even when nobody here calls them
        f.write("".join(f"-Wl,-u,{n}\n" for n in names))

if sys.argv[1] == "digest":
    digest(sys.argv[2:])
else:
    split = sys.argv.index("--")
    symbols(sys.argv[2], sys.argv[3:split], sys.argv[split + 1:])
