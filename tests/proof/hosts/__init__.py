"""Hosts that the proofs try beside the recorded ones.

SPDX-License-Identifier: Apache-2.0
"""
