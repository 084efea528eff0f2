# SPDX-License-Identifier: GPL-2.0-or-later
"""Generators that turn the QMP schema (qapi/*.json) into C, documentation and introspection."""
