#!/usr/bin/env bash
# A Wine prefix as the Windows suites want it: no display, no crash dialogue, a netsh that answers.
#   prefix.sh make FOLDER NETSH.EXE          new, or brought up to date; ends what still runs in it
#   prefix.sh start FOLDER                   keeps it alive between commands (services need that)
#   prefix.sh version FOLDER NAME [PRODUCT-NAME [REVISION]]
#                                            2003 2008r2 2012r2 2016 2019 2022; for programs started later
#   prefix.sh stop FOLDER                    ends the programs of this prefix and no others
# SPDX-License-Identifier: Apache-2.0
set -eu

[ $# -ge 2 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2; }
readonly verb=$1
mkdir -p "$2"
WINEPREFIX=$(cd "$2" && pwd)
export WINEPREFIX WINEDEBUG=${WINEDEBUG:--all}
unset DISPLAY
shift 2
here=$(cd "$(dirname "$0")" && pwd)
readonly here

# program NAME ARGUMENT…: one of Wine's own, by its path: by its name a second one, start.exe, would start it.
program() {
    local name=$1
    shift
    "$here/fixed.sh" wine "C:\\windows\\system32\\$name.exe" "$@"
}

# Quiet when it works; what Wine said when it does not.
quietly() {
    "$@" >"$WINEPREFIX.log" 2>&1 </dev/null || { echo "prefix.sh: $* failed:" >&2; tail -n 5 "$WINEPREFIX.log" >&2; exit 1; }
}

end_all() {
    wineserver -k >/dev/null 2>&1 || true
    wineserver -w
}

make_prefix() {
    local netsh=$1
    end_all # of a run that was cut off: a server that stays would be waited for, for ever
    if [ ! -f "$WINEPREFIX/.made-2" ]; then
        # The menu builder and the two add-on installers would only ask questions.
        WINEDLLOVERRIDES="winemenubuilder.exe=;mscoree=;mshtml=" quietly program wineboot -i
        wineserver -w
        # Else every second crash ends with exit status 0.
        quietly program reg add 'HKLM\Software\Microsoft\Windows NT\CurrentVersion\AeDebug' /v Debugger /d false /f
        # Wine's own netsh prints nothing and succeeds.
        quietly program reg add 'HKCU\Software\Wine\DllOverrides' /v netsh.exe /d native /f
        # Windows waits 30 s for a service to answer. Wine waits 10, and a driver that a busy machine starts
        # later is missing for the whole session.
        quietly program reg add 'HKLM\System\CurrentControlSet\Control' /v ServicesPipeTimeout /d 30000 /f
        set_version 2008r2
        wineserver -w
        touch "$WINEPREFIX/.made-2"
    fi
    cp "$netsh" "$WINEPREFIX/drive_c/windows/system32/netsh.exe"
}

# What winecfg does not know is written where Wine reads it.
write_version() {
    local version=$1 build=$2 product=$3 revision=$4
    {
        printf 'Windows Registry Editor Version 5.00\n\n'
        printf '[HKEY_CURRENT_USER\\Software\\Wine]\n"Version"=-\n\n'
        printf '[HKEY_LOCAL_MACHINE\\Software\\Microsoft\\Windows NT\\CurrentVersion]\n'
        printf '"CurrentVersion"="%s"\n"CurrentBuild"="%s"\n"CurrentBuildNumber"="%s"\n' "$version" "$build" "$build"
        printf '"CSDVersion"=""\n"ProductName"="%s"\n"UBR"=dword:%08x\n\n' "$product" "$revision"
        printf '[HKEY_LOCAL_MACHINE\\System\\CurrentControlSet\\Control\\ProductOptions]\n"ProductType"="ServerNT"\n'
    } >"$WINEPREFIX/version.reg"
    quietly program reg import "$WINEPREFIX/version.reg"
}

known_version() {
    local name=$1 product=$2 revision=$3
    quietly program winecfg -v "$name"
    {
        printf 'Windows Registry Editor Version 5.00\n\n'
        printf '[HKEY_LOCAL_MACHINE\\Software\\Microsoft\\Windows NT\\CurrentVersion]\n"ProductName"="%s"\n' "$product"
        [ "$revision" -eq 0 ] && printf '"UBR"=-\n' || printf '"UBR"=dword:%08x\n' "$revision"
    } >"$WINEPREFIX/version.reg"
    quietly program reg import "$WINEPREFIX/version.reg"
}

set_version() {
    case $1 in
    2003) known_version win2003 "${2:-Windows Server 2003 Standard Edition}" "${3:-0}" ;;
    2008r2) known_version win2008r2 "${2:-Windows Server 2008 R2 Standard}" "${3:-0}" ;;
    2012r2) write_version 6.3 9600 "${2:-Windows Server 2012 R2 Standard}" "${3:-0}" ;;
    2016) write_version 10.0 14393 "${2:-Windows Server 2016 Standard}" "${3:-0}" ;;
    2019) write_version 10.0 17763 "${2:-Windows Server 2019 Standard}" "${3:-0}" ;;
    2022) write_version 10.0 20348 "${2:-Windows Server 2022 Standard}" "${3:-0}" ;;
    *) echo "prefix.sh: no such version of Windows: $1" >&2; exit 2 ;;
    esac
}

case $verb in
make) make_prefix "$@" ;;
start) quietly wineserver -p && quietly program wineboot ;; # quietly: the server keeps its output open
version) set_version "$@" ;;
stop) end_all ;;
*) echo "prefix.sh: no such verb: $verb" >&2; exit 2 ;;
esac
