"""Faults that are known: (moment, view, part of the problem). One that is gone fails the test, too.

SPDX-License-Identifier: Apache-2.0
"""

FAULTS = {
}
