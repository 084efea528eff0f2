#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The shape of QMP replies: which kinds of values stand where, without the values.

A shape is "bool", "int", "str", "null", {"list": SHAPE or null when empty}, {"map": {NAME: SHAPE}}
or {"any of": [SHAPE, ...]}; a NAME ending in "?" is not in every element of a list.
By hand: qmp_shape.py CAPTURE.qmp reduces a captured session ("-> request", "<- reply") to what
stands in tests/data/libvirt/*.shapes.json.
"""
import json
import sys

KINDS = {bool: "bool", int: "int", float: "float", str: "str", type(None): "null"}


def merge(a, b):
    """What covers both."""
    if a is None or a == b:
        return b
    if b is None:
        return a
    if isinstance(a, dict) and isinstance(b, dict):
        if "list" in a and "list" in b:
            return {"list": merge(a["list"], b["list"])}
        if "map" in a and "map" in b:
            return {"map": merge_maps(a["map"], b["map"])}
    choices = a["any of"] if isinstance(a, dict) and "any of" in a else [a]
    return {"any of": choices + [b] if b not in choices else choices}


def merge_maps(a, b):
    a = {k.rstrip("?"): (k.endswith("?"), v) for k, v in a.items()}
    b = {k.rstrip("?"): (k.endswith("?"), v) for k, v in b.items()}
    result = {}
    for name in sorted(a.keys() | b.keys()):
        optional = name not in a or name not in b or a[name][0] or b[name][0]
        shape = merge(a.get(name, (0, None))[1], b.get(name, (0, None))[1])
        result[name + "?" * optional] = shape
    return result


def shape(value):
    if isinstance(value, dict):
        return {"map": {k: shape(v) for k, v in sorted(value.items())}}
    if isinstance(value, list):
        result = None
        for item in value:
            result = merge(result, shape(item))
        return {"list": result}
    return KINDS[type(value)]


def differences(expected, value, where=""):
    """Where @value does not have the shape @expected. Members it has beyond are fine."""
    if isinstance(expected, dict) and "any of" in expected:
        tries = [list(differences(e, value, where)) for e in expected["any of"]]
        if all(tries):
            yield "%s: none of %s" % (where, expected["any of"])
    elif isinstance(expected, dict) and "list" in expected:
        if not isinstance(value, list):
            yield "%s: not a list" % where
        elif expected["list"] is not None:
            if not value and not where:
                yield "empty"
            for i, item in enumerate(value):
                yield from differences(expected["list"], item, "%s[%d]" % (where, i))
    elif isinstance(expected, dict):
        if not isinstance(value, dict):
            yield "%s: not an object" % where
            return
        for key, member in expected["map"].items():
            name = key.rstrip("?")
            if name in value:
                yield from differences(member, value[name], "%s.%s" % (where, name))
            elif not key.endswith("?"):
                yield "%s.%s: missing" % (where, name)
    elif KINDS.get(type(value)) != expected:
        yield "%s: %s, not %s" % (where, KINDS.get(type(value), type(value).__name__), expected)


def reduce_capture(path):
    """[{"request", "return" or "error"}] of a captured session."""
    rows, request = [], None
    with open(path, encoding="utf-8") as f:
        for line in f:
            for mark in ("-> ", "<- "):
                if mark not in line[:14]:
                    continue
                try:
                    message = json.loads(line.split(mark, 1)[1])
                except ValueError:
                    continue
                if mark == "-> ":
                    request = {k: v for k, v in message.items() if k != "id"}
                elif "return" in message:
                    rows.append({"request": request, "return": shape(message["return"])})
                elif "error" in message:
                    rows.append({"request": request, "error": message["error"]["class"]})
    return rows


def text(rows):
    return "[\n" + ",\n".join(json.dumps(r, sort_keys=True) for r in rows) + "\n]\n"


if __name__ == "__main__":
    sys.stdout.write("".join(text(reduce_capture(p)) for p in sys.argv[1:]))
