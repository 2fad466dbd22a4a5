#!/usr/bin/env python3
"""Writes descriptions.json as a sorted C table. Usage: describe.py descriptions.json"""
import json
import sys

with open(sys.argv[1]) as f:
    texts = json.load(f)
print("/* Generated from descriptions.json. */")
print('#include "actors/schema/descriptions.h"\n')
print("const struct description descriptions[] = {")
for name in sorted(texts):
    print("\t{%s, %s}," % (json.dumps(name), json.dumps(texts[name])))
print("};\nconst size_t description_count = %d;" % len(texts))
