"""Hosts made from facts, beside those that are recorded.

SPDX-License-Identifier: Apache-2.0
"""
from hosts import (linux, windows_agree, windows_harder, windows_legacy, windows_services,
                   windows_stack)

MADE = {**windows_services.MADE, **windows_harder.MADE, **windows_stack.MADE,
        **windows_agree.MADE, **windows_legacy.MADE, **linux.MADE}


def names():
    return sorted(MADE)


def make(name, catalogue):
    return MADE[name](name, catalogue)
