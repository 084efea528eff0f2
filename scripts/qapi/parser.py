# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads schema files: comments, documentation comments and expressions.

A schema file is a sequence of JSON-like objects: strings are in single quotes, '#' starts a comment
that ends with the line, and a block between two lines '##' is the documentation of the expression
that follows:

    ##
    # @name:
    #
    # What it is.
    #
    # @member: what it holds
    #
    # Returns: what comes back
    #
    # Since: 1.2
    ##
    { 'command': 'name', 'data': {...} }
"""
import os
import re

TOKEN = re.compile(r"\s*(?:(?P<punct>[\[\]{}:,])|(?P<string>'[^'\n]*')|(?P<word>true|false))")


class SchemaError(Exception):
    """A mistake in a schema file, with its place."""

    def __init__(self, where, text):
        super().__init__(f'{where}: {text}')


class Doc:
    """A documentation block."""

    def __init__(self, where, lines):
        self.where = where
        self.symbol = None
        self.title = None
        self.text = []         # paragraphs before the members
        self.members = {}      # name -> lines
        self.sections = {}     # 'Returns', 'Since', ... -> lines
        self._parse(lines)

    def _parse(self, lines):
        current = self.text
        for line in lines:
            member = re.match(r'@([\w-]+):\s*(.*)$', line)
            section = re.match(r'(Returns|Since|Errors|Features|Example|Note):\s*(.*)$', line)
            if line.startswith('= '):
                self.title = line[2:].strip()
            elif member and self.symbol is None and not member.group(2):
                self.symbol = member.group(1)
            elif member:
                current = self.members[member.group(1)] = [member.group(2)]
            elif section:
                current = self.sections[section.group(1)] = [section.group(2)]
            else:
                current.append(line)

    def summary(self):
        """The text before the members, as one string of paragraphs."""
        return '\n'.join(self.text).strip()


class Expression:
    """One top-level object with its documentation."""

    def __init__(self, where, value, doc, module):
        self.where, self.value, self.doc, self.module = where, value, doc, module


class Parser:
    """Reads one file and the files it includes, each once, in order."""

    def __init__(self, path, seen=None):
        self.path = path
        self.module = os.path.splitext(os.path.basename(path))[0]
        self.seen = seen if seen is not None else []
        self.seen.append(os.path.abspath(path))
        with open(path, encoding='utf-8') as f:
            self.source = f.read()
        self.pos = 0
        self.expressions = []
        self.pragma = {}
        self.titles = {}
        self._parse_file()

    def where(self):
        line = self.source.count('\n', 0, self.pos) + 1
        return f'{self.path}:{line}'

    def fail(self, text):
        raise SchemaError(self.where(), text)

    def _skip(self):
        """Skips blanks and comments; returns the last documentation block, or None."""
        doc = None
        while True:
            blank = re.compile(r'\s+').match(self.source, self.pos)
            if blank:
                self.pos = blank.end()
            if not self.source.startswith('#', self.pos):
                return doc
            end = self.source.find('\n', self.pos)
            end = len(self.source) if end < 0 else end
            if self.source[self.pos:end].strip() == '##':
                doc = self._read_doc(end + 1)
            else:
                self.pos = end

    def _read_doc(self, start):
        where = self.where()
        lines = []
        for line in self.source[start:].split('\n'):
            start += len(line) + 1
            if line.strip() == '##':
                self.pos = start
                doc = Doc(where, lines)
                if doc.title:
                    self.titles[self.module] = doc
                return doc
            if not line.startswith('#') or (len(line) > 1 and line[1] != ' '):
                self.fail("documentation lines start with '# '")
            lines.append(line[2:])
        return self.fail("documentation block without its closing '##'")

    def _token(self):
        self._skip()
        match = TOKEN.match(self.source, self.pos)
        if not match:
            self.fail(f'unexpected text {self.source[self.pos:self.pos + 20]!r}')
        self.pos = match.end()
        return match.group().strip()

    def _peek(self):
        pos = self.pos
        token = self._token()
        self.pos = pos
        return token

    def _value(self, token=None):
        token = token or self._token()
        if token == '{':
            return self._object()
        if token == '[':
            return self._array()
        if token in ('true', 'false'):
            return token == 'true'
        if token[0] == "'":
            return token[1:-1]
        return self.fail(f'unexpected {token!r}')

    def _object(self):
        result = {}
        if self._peek() == '}':
            self._token()
            return result
        while True:
            key = self._value()
            if not isinstance(key, str):
                self.fail('a key must be a string')
            if self._token() != ':':
                self.fail("expected ':'")
            if key in result:
                self.fail(f"duplicate key '{key}'")
            result[key] = self._value()
            token = self._token()
            if token == '}':
                return result
            if token != ',':
                self.fail("expected ',' or '}'")

    def _array(self):
        result = []
        if self._peek() == ']':
            self._token()
            return result
        while True:
            result.append(self._value())
            token = self._token()
            if token == ']':
                return result
            if token != ',':
                self.fail("expected ',' or ']'")

    def _include(self, name):
        path = os.path.join(os.path.dirname(self.path), name)
        if os.path.abspath(path) in self.seen:
            return
        included = Parser(path, self.seen)
        self.expressions += included.expressions
        self.titles.update(included.titles)
        for key, values in included.pragma.items():
            self.pragma.setdefault(key, []).extend(values)

    def _parse_file(self):
        while True:
            doc = self._skip()
            if self.pos >= len(self.source):
                return
            where = self.where()
            value = self._value()
            if not isinstance(value, dict):
                self.fail('an expression must be an object')
            if 'include' in value:
                self._include(value['include'])
            elif 'pragma' in value:
                for key, values in value['pragma'].items():
                    self.pragma.setdefault(key, []).extend(values)
            else:
                doc = doc if doc and doc.symbol else None
                self.expressions.append(Expression(where, value, doc, self.module))
