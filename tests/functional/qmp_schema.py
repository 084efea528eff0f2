# SPDX-License-Identifier: GPL-2.0-or-later
"""The reply of query-qmp-schema: walks its references, makes arguments from it."""

# meta-type -> required keys, optional keys (beyond name, meta-type, features)
ENTRY_KEYS = {
    "command": ({"arg-type", "ret-type"}, {"allow-oob"}),
    "event": ({"arg-type"}, set()),
    "object": ({"members"}, {"tag", "variants"}),
    "array": ({"element-type"}, set()),
    "enum": ({"members", "values"}, set()),
    "alternate": ({"members"}, set()),
    "builtin": ({"json-type"}, set()),
}
BUILTINS = {"str": "string", "int": "int", "number": "number", "bool": "boolean", "any": "value",
            "null": "null"}


class Schema:
    def __init__(self, entries):
        self.entries = entries
        self.types = {e["name"]: e for e in entries if e["meta-type"] not in ("command", "event")}
        self.commands = {e["name"]: e for e in entries if e["meta-type"] == "command"}
        self.events = {e["name"]: e for e in entries if e["meta-type"] == "event"}

    # --- the whole

    def problems(self):
        """What is wrong with the reply, as texts."""
        found, used = [], set()
        if len(self.types) + len(self.commands) + len(self.events) != len(self.entries):
            found.append("a name stands for two entries")
        for entry in self.entries:
            found += ["%s: %s" % (entry["name"], text) for text in self._check(entry, used)]
        found += ["%s: nothing refers to it" % name for name in self.types.keys() - used]
        return found

    def _check(self, entry, used):
        meta = entry["meta-type"]
        if meta not in ENTRY_KEYS:
            yield "meta-type %r" % meta
            return
        required, optional = ENTRY_KEYS[meta]
        keys = entry.keys() - {"name", "meta-type", "features"}
        if not required <= keys <= required | optional:
            yield "keys %s" % sorted(keys)
            return
        for key, kinds in (("arg-type", ("object",)), ("element-type", None),
                           ("ret-type", ("object", "array", "builtin", "enum", "alternate"))):
            if key in entry:
                yield from self._check_ref(key, entry[key], kinds, used)
        if meta == "builtin" and BUILTINS.get(entry["name"]) != entry["json-type"]:
            yield "json-type %s" % entry["json-type"]
        elif meta == "array" and entry["name"] != "[%s]" % entry["element-type"]:
            yield "element-type %s" % entry["element-type"]
        elif meta == "enum":
            if [m.get("name") for m in entry["members"]] != entry["values"] or \
                    len(set(entry["values"])) != len(entry["values"]):
                yield "members and values"
        elif meta == "alternate":
            for member in entry["members"]:
                yield from self._check_ref("member", member.get("type"), None, used)
        elif meta == "object":
            yield from self._check_object(entry, used)

    def _check_ref(self, where, name, kinds, used):
        used.add(name)
        if name not in self.types:
            yield "%s %s does not exist" % (where, name)
        elif kinds and self.types[name]["meta-type"] not in kinds:
            yield "%s %s is of the wrong kind" % (where, name)

    def _check_object(self, entry, used):
        names = set()
        for member in entry["members"]:
            if not {"name", "type"} <= member.keys() <= {"name", "type", "default", "features"}:
                yield "member keys %s" % sorted(member)
                continue
            if member["name"] in names or member.get("default") is not None:
                yield "member %s" % member["name"]
            names.add(member["name"])
            yield from self._check_ref(member["name"], member["type"], None, used)
        if ("tag" in entry) != ("variants" in entry):
            yield "tag without variants"
        elif "tag" in entry:
            yield from self._check_variants(entry, used)

    def _check_variants(self, entry, used):
        tag = [m for m in entry["members"] if m["name"] == entry["tag"]]
        enum = self.types.get(tag[0]["type"]) if tag else None
        if not enum or enum["meta-type"] != "enum" or "default" in tag[0]:
            yield "tag %s" % entry["tag"]
            return
        if sorted(v["case"] for v in entry["variants"]) != sorted(enum["values"]):
            yield "the variants are not those of the tag"
        for variant in entry["variants"]:
            yield from self._check_ref(variant["case"], variant["type"], ("object",), used)

    # --- values

    def members(self, name, tag=None):
        """{name: (type, optional)} of an object type, those of the branch @tag included."""
        entry = self.types[name]
        result = {m["name"]: (m["type"], "default" in m) for m in entry["members"]}
        for variant in entry.get("variants", []):
            if variant["case"] == tag:
                result.update(self.members(variant["type"]))
        return result

    def example(self, name, depth=0):
        """A value of the type; optional members only where they do not nest deep."""
        entry = self.types[name]
        meta = entry["meta-type"]
        if meta == "builtin":
            return {"string": "x", "int": 1, "number": 1.5, "boolean": True, "null": None,
                    "value": {}}[entry["json-type"]]
        if meta == "enum":
            return entry["values"][0]
        if meta == "array":
            return [self.example(entry["element-type"], depth + 1)]
        if meta == "alternate":
            return self.example(entry["members"][0]["type"], depth + 1)
        tag = None
        if "tag" in entry:
            tag = entry["variants"][0]["case"]
        value = {n: self.example(t, depth + 1) for n, (t, optional) in
                 self.members(name, tag).items() if not optional or depth < 3}
        if tag is not None:
            value[entry["tag"]] = tag
        return value

    def wrong_values(self, name):
        """Values of other kinds than the type takes."""
        kinds = self.accepts(name)
        values = {"string": "no such value", "int": 7, "number": 1.5, "boolean": True,
                  "null": None, "array": [], "object": {}}
        for kind, value in values.items():
            if kind not in kinds:
                yield value
        if "int" in kinds:
            yield 2 ** 64

    def accepts(self, name):
        """JSON kinds of values of the type."""
        entry = self.types[name]
        meta = entry["meta-type"]
        if meta == "builtin":
            kind = entry["json-type"]
            if kind == "value":
                return {"string", "int", "number", "boolean", "null", "array", "object"}
            return {"int", "number"} if kind == "number" else {kind}
        if meta == "alternate":
            return set().union(*(self.accepts(m["type"]) for m in entry["members"]))
        return {{"enum": "enum value", "array": "array", "object": "object"}[meta]}
