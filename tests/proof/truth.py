"""What is known of services of Windows, whether a recorded host tells it or not.

SPDX-License-Identifier: Apache-2.0
"""

# "The requested pause, continue, or stop is not valid for this service" (NET HELPMSG 2191).
NOT_STOPPABLE = {
    "rpcss", "rpceptmapper", "dcomlaunch", "lsm", "plugplay", "power", "samss", "gpsvc",
    "brokerinfrastructure", "systemeventsbroker", "schedule", "profsvc", "mpssvc",
}

# They run before anything else, and nobody takes their ports.
FIRST = {"rpcss", "rpceptmapper", "dcomlaunch", "samss", "lanmanserver", "eventlog", "ssh"}

# Their start type is manual, and the system starts them at each boot: the session manager for
# Remote Desktop, the service manager itself.
STARTED_ANYWAY = {"termservice", "plugplay"}

# Service -> services that must run before it (DependOnService of a plain installation).
DEPENDS_ON = {
    "sqlserveragent": ["MSSQLSERVER"],
    "umrdpservice": ["TermService"],
    "w3svc": ["WAS", "HTTP"],
    "was": ["RpcSs"],
    "winrm": ["RpcSs", "HTTP"],
    "wdsserver": ["RpcSs"],
    "ias": ["RpcSs"],
    "termservice": ["RpcSs"],
    "dns": ["RpcSs"],
    "bits": ["RpcSs", "EventSystem"],
    "mssqlserver": [],
    "msexchangeadtopology": ["RpcSs"],
    "msexchangepop3": ["MSExchangeADTopology"],
    "msexchangepop3be": ["MSExchangeADTopology"],
    "msexchangeimap4": ["MSExchangeADTopology"],
    "msexchangeimap4be": ["MSExchangeADTopology"],
    "msexchangeis": ["MSExchangeADTopology"],
    "msexchangerepl": ["MSExchangeADTopology"],
    "msexchangerpc": ["MSExchangeADTopology"],
    "msexchangetransport": ["MSExchangeADTopology"],
    "msexchangemailboxassistants": ["MSExchangeADTopology"],
    "msexchangedelivery": ["MSExchangeADTopology"],
    "msexchangesubmission": ["MSExchangeADTopology"],
    "msexchangefrontendtransport": ["MSExchangeADTopology"],
}

# Program -> services that start it as a worker, likeliest first.
WORKERS = {
    "microsoft.exchange.pop3.exe": ["MSExchangePOP3BE", "MSExchangePop3"],
    "microsoft.exchange.imap4.exe": ["MSExchangeIMAP4BE", "MSExchangeImap4"],
    "microsoft.exchange.store.worker.exe": ["MSExchangeIS"],
    "edgetransport.exe": ["MSExchangeTransport"],
    "w3wp.exe": ["W3SVC"],
    "erl.exe": ["RabbitMQ"],
    "epmd.exe": ["RabbitMQ"],
    "java.exe": ["Jenkins"],
}

# Ports of the process System -> the service that has the kernel open them.
SYSTEM_PORTS = {
    ("tcp", 445): "lanmanserver", ("tcp", 139): "lanmanserver", ("tcp", 5985): "WinRM",
    ("tcp", 5986): "WinRM", ("tcp", 47001): "WinRM", ("tcp", 1723): "RemoteAccess",
    ("udp", 1701): "RemoteAccess",
}

# Programs whose listeners inside the dynamic range are RPC end points: given, not chosen.
RPC_PROGRAMS = {
    "svchost.exe", "lsass.exe", "services.exe", "wininit.exe", "spoolsv.exe", "winlogon.exe",
    "dfsrs.exe", "ntfrs.exe", "certsrv.exe", "msdtc.exe", "store.exe", "mad.exe", "dns.exe",
    "inetinfo.exe", "ismserv.exe", "sqlagent.exe", "wsusservice.exe", "vmms.exe", "vmwp.exe",
}

# A stop of these ends the connection of the person who types.
SESSIONS = {"termservice": "remote desktop", "winrm": "remote PowerShell", "sshd": "ssh",
            "ssh": "ssh"}
