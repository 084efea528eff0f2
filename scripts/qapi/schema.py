# SPDX-License-Identifier: GPL-2.0-or-later
"""The schema as objects: types, commands, events; every reference resolved and checked."""
import re

from .parser import Parser, SchemaError

# name -> (C type, kind in the tables, JSON type in introspection, name in introspection)
BUILTINS = {
    'str': ('char *', 'STR', 'string', 'str'),
    'int': ('int64_t', 'INT64', 'int', 'int'),
    'int8': ('int8_t', 'INT8', 'int', 'int'),
    'int16': ('int16_t', 'INT16', 'int', 'int'),
    'int32': ('int32_t', 'INT32', 'int', 'int'),
    'int64': ('int64_t', 'INT64', 'int', 'int'),
    'uint8': ('uint8_t', 'UINT8', 'int', 'int'),
    'uint16': ('uint16_t', 'UINT16', 'int', 'int'),
    'uint32': ('uint32_t', 'UINT32', 'int', 'int'),
    'uint64': ('uint64_t', 'UINT64', 'int', 'int'),
    'size': ('uint64_t', 'UINT64', 'int', 'int'),
    'number': ('double', 'NUMBER', 'number', 'number'),
    'bool': ('bool', 'BOOL', 'boolean', 'bool'),
    'any': ('json_object *', 'ANY', 'value', 'any'),
    'null': ('bool', 'NULL', 'null', 'null'),
}

# Keys of each kind of expression: required, optional. 'reply-as' is ours: 'json' makes the handler
# return a json_object, 'text' a string that already is JSON.
KEYS = {
    'enum': ({'data'}, {'prefix', 'features'}),
    'struct': ({'data'}, {'base', 'features'}),
    'union': ({'base', 'discriminator', 'data'}, {'features'}),
    'alternate': ({'data'}, {'features'}),
    'command': (set(), {'data', 'returns', 'boxed', 'features', 'reply-as', 'allow-preconfig'}),
    'event': (set(), {'data', 'boxed', 'features'}),
}


def c_name(name):
    """A schema name as a C identifier."""
    result = re.sub(r'[^A-Za-z0-9_]', '_', name)
    reserved = {'default', 'static', 'register', 'int', 'long', 'short', 'double', 'float', 'char',
                'unsigned', 'signed', 'struct', 'union', 'enum', 'switch', 'case', 'return', 'if',
                'else', 'for', 'while', 'do', 'void', 'const', 'unix', 'linux', 'inline', 'bool', 'errno',
                'restrict'}
    return f'q_{result}' if result in reserved or result[:1].isdigit() else result


def camel(name):
    """query-cpus-fast -> QueryCpusFast; device_add -> DeviceAdd."""
    return ''.join(part[:1].upper() + part[1:] for part in re.split(r'[-_]', name))


def upper(name):
    """CpuModelInfo -> CPU_MODEL_INFO, QMPCapability -> QMP_CAPABILITY."""
    name = re.sub(r'([a-z0-9])([A-Z])', r'\1_\2', name)
    name = re.sub(r'([A-Z]+)([A-Z][a-z])', r'\1_\2', name)
    return re.sub(r'[^A-Za-z0-9]', '_', name).upper()


class Entity:
    """What has a name, a place and documentation."""

    def __init__(self, name, expr):
        self.name, self.expr = name, expr
        self.where = expr.where if expr else 'built-in'
        self.doc = expr.doc if expr else None
        self.module = expr.module if expr else None
        self.features = feature_names(expr.value.get('features', [])) if expr else []


class Builtin(Entity):
    meta = 'builtin'

    def __init__(self, name):
        super().__init__(name, None)
        self.c_type, self.kind, self.json_type, self.intro_name = BUILTINS[name]


class Enum(Entity):
    meta = 'enum'

    def __init__(self, name, expr):
        super().__init__(name, expr)
        self.values = [v['name'] if isinstance(v, dict) else v for v in expr.value['data']]
        self.prefix = expr.value.get('prefix') or upper(name)

    def constant(self, value):
        return f'{self.prefix}_{upper(value)}'


class Array(Entity):
    meta = 'array'

    def __init__(self, element):
        super().__init__(element.name + 'List', None)
        self.element = element
        self.module = element.module


class Member:
    def __init__(self, name, type_, optional, features=()):
        self.name, self.type, self.optional = name, type_, optional
        self.features = list(features)


class Struct(Entity):
    """A struct, or a union when it has variants."""

    meta = 'object'

    def __init__(self, name, expr):
        super().__init__(name, expr)
        self.members = []   # base first
        self.tag = None     # Member
        self.variants = []  # (enum value, Struct)
        self.implicit = False


class Alternate(Entity):
    meta = 'alternate'

    def __init__(self, name, expr):
        super().__init__(name, expr)
        self.branches = []  # (name, type)


class Command(Entity):
    meta = 'command'

    def __init__(self, name, expr):
        super().__init__(name, expr)
        self.arg = None
        self.ret = None
        self.reply_as = expr.value.get('reply-as')


class Event(Entity):
    meta = 'event'

    def __init__(self, name, expr):
        super().__init__(name, expr)
        self.arg = None


def feature_names(features):
    return [f['name'] if isinstance(f, dict) else f for f in features]


class Schema:
    def __init__(self, path):
        parser = Parser(path)
        self.titles = parser.titles
        self.pragma = parser.pragma
        self.modules = []
        self.types = {name: Builtin(name) for name in BUILTINS}
        self.arrays = {}
        self.commands = {}
        self.events = {}
        self.order = []  # named types in order of definition
        entities = [self._declare(expr) for expr in parser.expressions]
        for entity in entities:
            self._define(entity)
        for entity in entities:
            self._check_doc(entity)

    def _declare(self, expr):
        meta = next((k for k in KEYS if k in expr.value), None)
        if meta is None:
            raise SchemaError(expr.where, 'unknown kind of expression')
        name = expr.value[meta]
        required, optional = KEYS[meta]
        for key in expr.value:
            if key != meta and key not in required | optional:
                raise SchemaError(expr.where, f"{meta} '{name}' has unknown key '{key}'")
        for key in sorted(required):
            if key not in expr.value:
                raise SchemaError(expr.where, f"{meta} '{name}' lacks key '{key}'")
        if expr.module not in self.modules:
            self.modules.append(expr.module)
        cls = {'enum': Enum, 'struct': Struct, 'union': Struct, 'alternate': Alternate,
               'command': Command, 'event': Event}[meta]
        table = {'command': self.commands, 'event': self.events}.get(meta, self.types)
        if name in table:
            raise SchemaError(expr.where, f"'{name}' is already defined")
        table[name] = entity = cls(name, expr)
        if table is self.types:
            self.order.append(entity)
        return entity

    def lookup(self, where, ref):
        """A type by reference: 'name' or ['name']."""
        if isinstance(ref, list):
            if len(ref) != 1:
                raise SchemaError(where, 'an array reference has one element type')
            element = self.lookup(where, ref[0])
            if element.name not in self.arrays:
                self.arrays[element.name] = Array(element)
            return self.arrays[element.name]
        if ref not in self.types:
            raise SchemaError(where, f"unknown type '{ref}'")
        return self.types[ref]

    def _members(self, where, data):
        members = []
        for key, ref in data.items():
            features = []
            if isinstance(ref, dict):
                features = feature_names(ref.get('features', []))
                ref = ref['type']
            name = key.lstrip('*')
            if not re.fullmatch(r'[A-Za-z_][\w-]*', name):
                raise SchemaError(where, f"bad member name '{name}'")
            members.append(Member(name, self.lookup(where, ref), key[0] == '*', features))
        return members

    def _implicit(self, entity, name, data):
        """The struct of inline members."""
        struct = Struct(name, entity.expr)
        struct.implicit = True
        struct.features = []
        struct.members = self._members(entity.where, data)
        if name in self.types:
            raise SchemaError(entity.where, f"'{name}' is already defined")
        self.types[name] = struct
        self.order.append(struct)
        return struct

    def _arguments(self, entity, suffix):
        data = entity.expr.value.get('data')
        if data is None or data == {}:
            return None
        if isinstance(data, dict):
            return self._implicit(entity, camel(entity.name) + suffix, data)
        arg = self.lookup(entity.where, data)
        if not isinstance(arg, Struct):
            raise SchemaError(entity.where, f"'{arg.name}' is not a struct or union")
        return arg

    def _define(self, entity):
        value = entity.expr.value
        if isinstance(entity, Struct) and 'union' in value:
            self._define_union(entity)
        elif isinstance(entity, Struct):
            entity.members = (self._base_members(entity, value.get('base')) +
                              self._members(entity.where, value['data']))
        elif isinstance(entity, Alternate):
            for name, ref in value['data'].items():
                entity.branches.append((name, self.lookup(entity.where, ref)))
        elif isinstance(entity, Command):
            entity.arg = self._arguments(entity, 'Args')
            self._define_return(entity)
        elif isinstance(entity, Event):
            camel_name = camel(entity.name.lower())
            value_data = value.get('data')
            entity.arg = (self._implicit(entity, 'Event' + camel_name, value_data)
                          if isinstance(value_data, dict) and value_data
                          else self._arguments(entity, 'Event'))

    def _define_return(self, command):
        if 'returns' not in command.expr.value:
            return
        command.ret = self.lookup(command.where, command.expr.value['returns'])
        if command.reply_as not in (None, 'json', 'text'):
            raise SchemaError(command.where, "'reply-as' is 'json' or 'text'")
        if command.reply_as is None and isinstance(command.ret, (Enum, Builtin)) and \
                command.ret.name not in ('str', 'any'):
            raise SchemaError(command.where, 'a command returns an object, an array or a string')

    def _base_members(self, entity, base):
        if base is None:
            return []
        if isinstance(base, dict):
            return self._members(entity.where, base)
        struct = self.lookup(entity.where, base)
        if not isinstance(struct, Struct) or struct.tag:
            raise SchemaError(entity.where, f"base '{base}' is not a struct")
        if not struct.members and struct.expr.value['data']:
            self._define(struct)
        return list(struct.members)

    def _define_union(self, union):
        value = union.expr.value
        union.members = self._base_members(union, value['base'])
        tags = [m for m in union.members if m.name == value['discriminator']]
        if not tags or not isinstance(tags[0].type, Enum) or tags[0].optional:
            raise SchemaError(union.where, 'the discriminator is a required enum member of the base')
        union.tag = tags[0]
        for case, ref in value['data'].items():
            if case not in union.tag.type.values:
                raise SchemaError(union.where, f"branch '{case}' is no value of the discriminator")
            ref = ref['type'] if isinstance(ref, dict) else ref
            branch = self.lookup(union.where, ref)
            if not isinstance(branch, Struct):
                raise SchemaError(union.where, f"branch '{case}' is not a struct")
            union.variants.append((case, branch))

    def _check_doc(self, entity):
        """Everything visible is documented, and nothing else."""
        if entity.doc is None:
            raise SchemaError(entity.where, f"'{entity.name}' has no documentation")
        if entity.doc.symbol != entity.name:
            raise SchemaError(entity.doc.where,
                              f"documents '{entity.doc.symbol}', not '{entity.name}'")
        names = self.documented_names(entity)
        for name in names:
            if name not in entity.doc.members:
                raise SchemaError(entity.where, f"'{entity.name}': '{name}' is not documented")
        for name in entity.doc.members:
            if name not in names and name not in entity.features:
                raise SchemaError(entity.doc.where, f"'{entity.name}' has no '{name}'")

    @staticmethod
    def documented_names(entity):
        """Names that stand in the expression itself."""
        value = entity.expr.value
        if isinstance(entity, Enum):
            return entity.values
        data = value.get('base', {}) if 'union' in value else value.get('data', {})
        if isinstance(entity, Alternate):
            return [name for name, _ in entity.branches]
        return [key.lstrip('*') for key in data] if isinstance(data, dict) else []

    def visible_types(self):
        """Types in an order in which C can define them: nothing by value before its definition."""
        return self.order
