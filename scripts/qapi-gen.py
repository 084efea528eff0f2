#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Generate code, documentation and introspection from the QMP schema.

usage: qapi-gen.py [--prefix P] OUTPUT-DIRECTORY SCHEMA.json

Writes Pqapi-types.[ch], Pqapi-commands.[ch], Pqapi-events.[ch], Pqapi-introspect.c and
Pqmp-ref.rst.
"""
import argparse
import os
import sys

from qapi.gen_c import Commands, Events, Types
from qapi.introspect import Introspection
from qapi.parser import SchemaError
from qapi.reference import Reference
from qapi.schema import Schema


def main():
    args = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    args.add_argument('--prefix', default='')
    args.add_argument('output')
    args.add_argument('schema')
    args = args.parse_args()
    try:
        schema = Schema(args.schema)
    except SchemaError as err:
        sys.exit(str(err))
    types = Types(schema, args.prefix)
    commands = Commands(schema, args.prefix)
    events = Events(schema, args.prefix)
    outputs = {
        'qapi-types.h': types.header(),
        'qapi-types.c': types.source(),
        'qapi-commands.h': commands.header(),
        'qapi-commands.c': commands.source(),
        'qapi-events.h': events.header(),
        'qapi-events.c': events.source(),
        'qapi-introspect.c': Introspection(schema, args.prefix).source(),
        'qmp-ref.rst': Reference(schema).text(),
    }
    for name, text in outputs.items():
        with open(os.path.join(args.output, args.prefix + name), 'w', encoding='utf-8') as f:
            f.write(text)


main()
