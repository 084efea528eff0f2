# SPDX-License-Identifier: GPL-2.0-or-later
"""The reply of query-qmp-schema, written once at build time.

Type names are not part of the interface, so they are replaced by numbers, as QEMU does.
"""
import json

from .gen_c import BANNER
from .schema import Alternate, Array, Builtin, Enum, Struct, c_name


class Introspection:
    def __init__(self, schema, prefix):
        self.schema = schema
        self.prefix = prefix
        self.names = {'': '0'}   # the empty object
        self.queue = []
        self.entries = []
        self._build()

    def _ref(self, type_):
        """The masked name of a type; the type is described later."""
        if type_ is None:
            return '0'
        if isinstance(type_, Builtin):
            if type_.intro_name not in self.names:
                self.names[type_.intro_name] = type_.intro_name
                self.queue.append(type_)
            return type_.intro_name
        if isinstance(type_, Array):
            name = f'[{self._ref(type_.element)}]'
            if name not in self.names:
                self.names[name] = name
                self.queue.append(type_)
            return name
        if type_.name not in self.names:
            self.names[type_.name] = str(len([n for n in self.names.values() if n.isdigit()]))
            self.queue.append(type_)
        return self.names[type_.name]

    @staticmethod
    def _with_features(entry, entity):
        if entity.features:
            entry['features'] = entity.features
        return entry

    def _member(self, member):
        entry = {'name': member.name, 'type': self._ref(member.type)}
        if member.optional:
            entry['default'] = None
        return self._with_features(entry, member)

    def _describe(self, type_):
        if isinstance(type_, Builtin):
            return {'name': type_.intro_name, 'meta-type': 'builtin', 'json-type': type_.json_type}
        if isinstance(type_, Array):
            return {'name': self._ref(type_), 'meta-type': 'array',
                    'element-type': self._ref(type_.element)}
        entry = {'name': self._ref(type_), 'meta-type': type_.meta}
        if isinstance(type_, Enum):
            entry['members'] = [{'name': v} for v in type_.values]
            entry['values'] = type_.values
        elif isinstance(type_, Alternate):
            entry['members'] = [{'type': self._ref(t)} for _, t in type_.branches]
        elif isinstance(type_, Struct):
            entry['members'] = [self._member(m) for m in type_.members]
            if type_.tag:
                branches = dict(type_.variants)
                entry['tag'] = type_.tag.name
                entry['variants'] = [{'case': v, 'type': self._ref(branches.get(v))}
                                     for v in type_.tag.type.values]
        return self._with_features(entry, type_)

    def _build(self):
        for command in self.schema.commands.values():
            entry = {'name': command.name, 'meta-type': 'command',
                     'arg-type': self._ref(command.arg), 'ret-type': self._ref(command.ret)}
            self.entries.append(self._with_features(entry, command))
        for event in self.schema.events.values():
            entry = {'name': event.name, 'meta-type': 'event', 'arg-type': self._ref(event.arg)}
            self.entries.append(self._with_features(entry, event))
        self.entries.append({'name': '0', 'meta-type': 'object', 'members': []})
        while self.queue:
            self.entries.append(self._describe(self.queue.pop(0)))

    def json(self):
        return json.dumps(self.entries)

    def source(self):
        text = self.json()
        lines = []
        for start in range(0, len(text), 80):
            chunk = text[start:start + 80].replace('\\', '\\\\').replace('"', '\\"')
            lines.append(f'    "{chunk}"')
        name = f'{c_name(self.prefix)}qmp_schema_text'
        body = '\n'.join(lines)
        return (f'{BANNER}#include "qemu/osdep.h"\n#include "qapi/qmp-command.h"\n\n'
                f'extern const char {name}[];\nconst char {name}[] =\n{body};\n')
