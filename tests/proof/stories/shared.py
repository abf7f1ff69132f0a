"""What several stories need.

SPDX-License-Identifier: Apache-2.0
"""

# The values were written long before this boot.
BOOTED = {"boot_time": "2008-07-09T04:00:00Z", "tcpip_written": "2008-06-01T10:00:00Z"}
KEY = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"

# Kinds of findings, and subjects that never change.
RANGE_MOVED = "dynamic_range_moved dynamic range"
POOL = "dns_pool_overlap dns socket pool"
IN_RANGE, HELD, DOWN = "required_in_dynamic", "required_port_held", "service_not_running service"

DNS_SAFE = {"dns-server/dns-tcp": "safe", "dns-server/dns-udp": "safe"}
