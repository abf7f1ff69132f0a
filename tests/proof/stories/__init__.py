"""The four incidents, told moment by moment.

SPDX-License-Identifier: Apache-2.0
"""
