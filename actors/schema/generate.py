#!/usr/bin/env python3
"""Writes the const tables of schema.h as C: the types that the served kinds
reach (types.json), and a row for each served resource (served.json on top of
resources.json). Usage: generate.py types.json resources.json served.json"""
import json
import re
import sys

SCALARS = {
    "string": "STRING", "bool": "BOOL", "int32": "INT32", "int64": "INT64", "int": "INT64",
    "uint8": "INT32", "byte": "INT32", "float64": "DOUBLE", "[]byte": "BYTES",
    "resource.Quantity": "QUANTITY", "intstr.IntOrString": "INTSTR",
    "metav1.Time": "TIME", "metav1.MicroTime": "MICROTIME", "metav1.Duration": "DURATION",
    "runtime.RawExtension": "ANY", "runtime.Object": "ANY", "metav1.FieldsV1": "ANY",
    "JSON": "ANY", "struct": "ANY", "types.UID": "STRING", "types.NodeName": "STRING",
    "types.NamespacedName": "STRING",
}
# Named types that the facts lack.
ALIASES = {"authentication/v1.ExtraValue": "[]string", "authorization/v1.ExtraValue": "[]string"}
# Go's names of scalars in error messages, where they differ from the key.
GO_NAMES = {"[]byte": "[]uint8", "metav1.Time": "v1.Time", "metav1.MicroTime": "v1.MicroTime",
            "metav1.Duration": "v1.Duration", "metav1.FieldsV1": "v1.FieldsV1"}
PREFIXES = {"metav1": "meta/v1", "v1": "core/v1", "corev1": "core/v1", "apiv1": "core/v1",
            "authenticationv1": "authentication/v1", "autoscalingv1": "autoscaling/v1"}


def c_string(text):
    return "NULL" if text is None else json.dumps(text)


def c_strings(items):
    """A NULL terminated array of strings, as a compound literal."""
    return "(const char *const[]){%s}" % ", ".join([c_string(i) for i in items] + ["NULL"])


def c_bool(value):
    return "true" if value else "false"


class Types:
    def __init__(self, facts, omitzero, atomic):
        self.atomic_types = set(atomic["types"])
        self.atomic_fields = set(atomic["fields"])
        self.types, self.aliases, self.enums = facts["types"], {**facts["aliases"], **ALIASES}, facts["enums"]
        self.omitzero = {tuple(pair) for pair in omitzero}
        self.symbols = {}   # name or structure -> C symbol
        self.structs = {}   # full name -> symbol, for schema_type()
        self.declared, self.defined = [], []
        self.mark_numbers = {"0": 0}  # the text of a struct schema_marks -> its place

    def define(self, key, body):
        symbol = "t%d" % len(self.symbols)
        self.symbols[key] = symbol
        self.declared.append("static const struct schema_type %s; /* %s */" % (symbol, key))
        text = body()
        self.defined.append("static const struct schema_type %s = {%s};" % (symbol, text))
        return symbol

    def full_name(self, group, name):
        if "." in name:
            prefix, base = name.split(".", 1)
            return PREFIXES[prefix] + "." + base if prefix in PREFIXES else name
        return group + "." + name

    def go_name(self, group, text):
        """The type as reflect.Type.String() has it: the package is the version."""
        if text.startswith("*"):
            return "*" + self.go_name(group, text[1:])
        if text.startswith("[]"):
            return "[]" + ("uint8" if text == "[]byte" else self.go_name(group, text[2:]))
        m = re.match(r"map\[(.*?)\](.*)", text)
        if m:
            return "map[%s]%s" % (self.go_name(group, m[1]), self.go_name(group, m[2]))
        full = self.full_name(group, text)
        known = full in self.types or full in self.aliases
        if known:
            return full.split("/", 1)[1]
        short = full.split(".", 1)[1] if full.startswith(group + ".") else text
        key = "metav1." + short if "metav1." + short in SCALARS and "." not in short else short
        return GO_NAMES.get(key, short)

    def scalar(self, key, kind, name, go, enums=None):
        if key in self.symbols:
            return self.symbols[key]
        return self.define(key, lambda: ".kind = SCHEMA_%s, .name = %s, .go = %s, .enums = %s" % (
            kind, c_string(name), c_string(go), c_strings(enums) if enums else "NULL"))

    def get(self, group, text):
        """The C symbol of a type in Go's notation, seen from `group`."""
        text = text.lstrip("*")
        if text.startswith("[]") and text != "[]byte":
            return self.container(group, text, "LIST", text[2:])
        m = re.match(r"map\[(.*?)\](.*)", text)
        if m:
            return self.container(group, text, "MAP", m[2])
        full = self.full_name(group, text)
        if full in self.types and full.replace("meta/v1", "metav1") not in SCALARS:
            return self.struct(full)
        if full in self.aliases:
            return self.alias(full)
        local = full.replace("meta/v1.", "metav1.") if full.startswith("meta/v1.") else text
        for key in (text, local):
            if key in SCALARS:
                return self.scalar(key, SCALARS[key], key, GO_NAMES.get(key, key))
        raise SystemExit("generate.py: unknown type %s in %s" % (text, group))

    def alias(self, full):
        group, target = full.rsplit(".", 1)[0], self.aliases[full]
        go = full.split("/", 1)[1]
        if target in SCALARS:
            return self.scalar(full, SCALARS[target], full, go, self.enums.get(full))
        return self.container(group, target, "MAP" if target.startswith("map") else "LIST",
                              re.sub(r"^(\[\]|map\[.*?\])", "", target), full, go)

    def container(self, group, text, kind, elem, name="", go=None):
        go = go or self.go_name(group, text)
        key = name or "%s of %s" % (go, group)
        if key in self.symbols:
            return self.symbols[key]
        return self.define(key, lambda: ".kind = SCHEMA_%s, .name = %s, .go = %s, .elem = &%s" % (
            kind, c_string(name), c_string(go), self.get(group, elem)))

    def flatten(self, full, outer=0):
        """(group, owner, field, number of the inlined message) in Go's order."""
        group = full.rsplit(".", 1)[0]
        for f in self.types[full]["fields"]:
            if not f.get("inline"):
                yield group, full, f, outer
                continue
            inner = self.full_name(group, f["type"].lstrip("*"))
            if outer:
                raise SystemExit("generate.py: %s is inlined twice" % inner)
            yield from self.flatten(inner, f.get("pb", 0))

    def struct(self, full):
        if full in self.symbols:
            return self.symbols[full]
        symbol = self.define(full, lambda: self.struct_body(full))
        self.structs[full] = symbol
        return symbol

    def struct_body(self, full):
        fields, names = [], []
        for group, owner, f, outer in self.flatten(full):
            # TypeMeta travels in the envelope of the protobuf wire.
            pb = 0 if owner == "meta/v1.TypeMeta" else f.get("pb", 0)
            names.append(f["json"])
            fields.append(self.field(group, owner, f, pb, outer))
        order = sorted(range(len(names)), key=lambda i: (len(names[i].encode()), names[i].encode()))
        if not fields:
            return ".kind = SCHEMA_STRUCT, .name = %s, .go = %s" % (
                c_string(full), c_string(full.split("/", 1)[1]))
        atomic = ".atomic = true, " if full in self.atomic_types else ""
        return (atomic + ".kind = SCHEMA_STRUCT, .name = %s, .go = %s, .field_count = %d,\n"
                "\t.fields = (const struct schema_field[]){\n%s\t},\n"
                "\t.sorted = (const uint8_t[]){%s}" % (
                    c_string(full), c_string(full.split("/", 1)[1]), len(fields), "".join(fields),
                    ", ".join(map(str, order))))

    def field(self, group, owner, f, pb, outer):
        keys = f.get("listMapKeys")
        parts = [
            ".json = %s" % c_string(f["json"]), ".json_len = %d" % len(f["json"].encode()),
            ".type = &%s" % self.get(group, f["type"]), ".pb = %d" % pb,
        ]
        if outer:
            parts.append(".pb_outer = %d" % outer)
        for name, value in (("pointer", f["type"].startswith("*")), ("omitempty", f.get("omitempty")),
                            ("omitzero", (owner, f["json"]) in self.omitzero),
                            ("optional", f.get("optional"))):
            if value:
                parts.append(".%s = true" % name)
        marks = []
        for name, key in (("patch_strategy", "patchStrategy"), ("patch_merge_key", "patchMergeKey"),
                          ("list_type", "listType"), ("default_text", "default"),
                          ("feature_gate", "featureGate")):
            if f.get(key) is not None:
                marks.append(".%s = %s" % (name, c_string(f[key])))
        if owner + "." + f["json"] in self.atomic_fields:
            marks.append(".list_type = \"atomic\"")
        if keys:
            marks.append(".list_keys = %s" % c_strings(keys))
        if marks:
            number = self.mark_numbers.setdefault(", ".join(marks), len(self.mark_numbers))
            parts.append(".marks = %d" % number)
        return "\t\t{%s},\n" % ", ".join(parts)


def columns(listed, all_served, served):
    rows, shared, own = [], all_served["descriptions"], served.get("columns", {})
    if isinstance(own, str):  # another version of the same resource
        own = next(s for s in all_served["resources"]
                   if s["groupVersion"] == own and s["resource"] == served["resource"])["columns"]
    listed = list(listed)
    for name, c in own.items():  # newer than the facts
        if "after" in c:
            listed.insert(1 + [r["name"] for r in listed].index(c["after"]), {"name": name})
    for c in listed:
        c = {**c, **own.get(c["name"], {})}
        rows.append("\t\t{%s, %s, %s, %s, %d},\n" % (
            c_string(c["name"]), c_string(c["type"]), c_string(c.get("format", "")),
            c_string(c.get("description", shared.get(c["name"], ""))), c.get("priority", 0)))
    return rows


def resource(types, facts, all_served, served):
    name, gv = served["resource"], served["groupVersion"]
    group, version = gv.split("/") if "/" in gv else ("", gv)
    # A newer version of a group is listed like the beta before it.
    listed = served.get("facts", gv)
    by_name = {r["name"]: r for r in facts["resources"] if r["groupVersion"] == listed}
    row = by_name[name]
    folder = served.get("types", (group.split(".")[0] or "core") + "/" + version)
    stream = None if served.get("virtual") else \
        served.get("stream", name + ("." + group if group else ""))
    subs = []
    for sub in served["subresources"]:
        s = {**by_name.get(name + "/" + sub, {}), **all_served["subresources"].get(name + "/" + sub, {})}
        subs.append("\t\t{%s, %s, %s, %s, %s},\n" % (
            c_string(sub), c_string(s.get("group", group)), c_string(s.get("version", version)),
            c_string(s["kind"]), c_strings(s["verbs"])))
    cols = columns(row.get("columns", []), all_served, served)
    selectable = ["metadata.name"] + (["metadata.namespace"] if row["namespaced"] else [])
    kind = row["kind"]
    return ("\t{.group = %s, .version = %s, .resource = %s, .singular = %s, .kind = %s,\n"
            "\t.list_kind = %s, .namespaced = %s, .secret = %s, .stream = %s, .part = %s,\n"
            "\t.type = &%s, .verbs = %s,\n\t.short_names = %s, .categories = %s,\n"
            "\t.selectable = %s,\n"
            "\t.subresources = (const struct schema_subresource[]){\n%s\t\t{0}}, .subresource_count = %d,\n"
            "\t.columns = (const struct schema_column[]){\n%s\t\t{0}}, .column_count = %d},\n" % (
                c_string(group), c_string(version), c_string(name), c_string(kind.lower()),
                c_string(kind), c_string(kind + "List"), c_bool(row["namespaced"]),
                c_bool(served.get("secret")), c_string(stream),
                c_string(served.get("part")), types.get(folder, kind), c_strings(served.get("verbs", row["verbs"])),
                c_strings(row.get("shortNames", [])), c_strings(row.get("categories", [])),
                c_strings(selectable + served["selectable"]), "".join(subs), len(subs),
                "".join(cols), len(cols)))


def main(types_path, resources_path, served_path):
    with open(types_path) as a, open(resources_path) as b, open(served_path) as c:
        facts, listed, served = json.load(a), json.load(b), json.load(c)
    types = Types(facts, served["omitzero"], served["atomic"])
    rows = [resource(types, listed, served, s) for s in served["resources"]]
    for extra in served["types"]:
        types.struct(extra)
    print("/* Generated from types.json, resources.json and served.json. */")
    print('#include "actors/schema/schema_tables.h"\n')
    print("\n".join(types.declared + [""] + types.defined))
    print("\nconst struct schema_type *const schema_types[] = {")
    for name in sorted(types.structs):
        print("\t&%s, /* %s */" % (types.structs[name], name))
    print("};\nconst size_t schema_type_count = %d;\n" % len(types.structs))
    print("const struct schema_marks schema_mark_table[] = {")
    for text in types.mark_numbers:
        print("\t{%s}," % text)
    print("};\n")
    print("const struct schema_resource schema_builtin[] = {\n%s};" % "".join(rows))
    print("const size_t schema_builtin_count = %d;" % len(rows))


main(*sys.argv[1:])
