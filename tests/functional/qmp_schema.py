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

    def cases(self, name):
        """The values of an object type's tag; [None] for one without."""
        return [v["case"] for v in self.types[name].get("variants", [])] or [None]

    def example(self, name, tag=None, depth=0):
        """A value of the type; optional members only where they do not nest deep."""
        entry = self.types[name]
        meta = entry["meta-type"]
        if meta == "builtin":
            return {"string": "x", "int": 1, "number": 1.5, "boolean": True, "null": None,
                    "value": {}}[entry["json-type"]]
        if meta == "enum":
            return entry["values"][0]
        if meta == "array":
            return [self.example(entry["element-type"], depth=depth + 1)]
        if meta == "alternate":
            # the plainest of the choices: objects may contain themselves
            return self.example(min((m["type"] for m in entry["members"]), key=lambda t: (
                self.types[t]["meta-type"] == "object", t)), depth=depth + 1)
        tag = tag or self.cases(name)[0]
        value = {n: self.example(t, depth=depth + 1) for n, (t, optional) in
                 self.members(name, tag).items() if not optional or depth < 2}
        value.update((n, STRINGS[n]) for n in value.keys() & STRINGS.keys() if value[n] == "x")
        if tag is not None:
            value[entry["tag"]] = tag
        return value

    def least(self, name):
        """An object with required members only."""
        value = self.example(name)
        members = self.members(name, self.cases(name)[0])
        return {n: v for n, v in value.items() if not members[n][1]}

    def accepts(self, name):
        """JSON kinds of values of the type."""
        entry = self.types[name]
        meta = entry["meta-type"]
        if meta == "builtin":
            kind = entry["json-type"]
            if kind == "value":
                return set(WRONG)
            return {"int", "number"} if kind == "number" else {kind}
        if meta == "alternate":
            return set().union(*(self.accepts(m["type"]) for m in entry["members"]))
        return {{"enum": "enum", "array": "array", "object": "object"}[meta]}

    def mutations(self, name, value, depth=0):
        """(what, changed value, whether it breaks the schema) for each way to spoil @value, a
        value of type @name, at any depth."""
        entry = self.types[name]
        meta = entry["meta-type"]
        if meta == "array":
            yield "huge array", value * 5000, None
            for what, changed, wrong in self.mutations(entry["element-type"], value[0], depth):
                yield what, [changed], wrong
        elif meta == "alternate":
            for member in entry["members"]:
                if self.types[member["type"]]["meta-type"] == "object" and depth < 3:
                    for case in self.cases(member["type"]):
                        branch = self.example(member["type"], case, depth=2)
                        yield "branch %s" % case, branch, None
        elif meta == "object" and depth < 4:
            yield from self._object_mutations(name, value, depth)

    def _object_mutations(self, name, value, depth):
        tag_name = self.types[name].get("tag")
        yield "extra", dict(value, zzz=1), True
        for member, (type_, optional) in self.members(name, value.get(tag_name)).items():
            if member not in value:
                continue
            less = {k: v for k, v in value.items() if k != member}
            yield "without %s" % member, less, not optional or None
            for kind, wrong in WRONG.items():
                if kind not in self.accepts(type_):
                    yield "%s is %s" % (member, kind), dict(value, **{member: wrong}), True
            for huge in HUGE + (ODD if "null" in self.accepts(type_) else []):
                yield "huge %s" % member, dict(value, **{member: huge}), None
            if member != tag_name:
                for what, changed, wrong in self.mutations(type_, value[member], depth + 1):
                    yield "%s.%s" % (member, what), dict(value, **{member: changed}), wrong
        if tag_name and depth < 2:
            for case in self.cases(name)[1:]:
                branch = self.example(name, case)
                yield "branch %s" % case, branch, None
                for member in branch.keys() - {tag_name}:
                    broken = dict(branch, **{member: [[]]})
                    yield "branch %s, %s broken" % (case, member), broken, None


# Strings that lead somewhere, by the name of the member.
STRINGS = {"typename": "max-x86_64-cpu", "path": "/machine", "property": "type", "name": "max",
           "implements": "device", "option": "machine", "command-line": "info qom-tree"}
# Values for members that take any; where they are properties of a CPU model, hostile ones.
ODD = [{name: value} for name in ("avx", "family", "vendor", "model-id", "hv-spinlocks", "",
                                  "x2apic-seoib", "tsc-frequency", "lbr-fmt", "nope")
       for value in (True, -1, 2 ** 63, 1.5, "", "y" * 100000, None, [], {})]
# A value of each JSON kind that no enum has among its own.
WRONG = {"string": "no such value", "int": 7, "number": 1.5, "boolean": True, "null": None,
         "array": [], "object": {}}
HUGE = ["y" * 300000, 2 ** 63 - 1, -2 ** 63, 2 ** 64 - 1, 2 ** 64, 1e308,
        [0] * 10000, {"k%d" % i: i for i in range(1000)}]
