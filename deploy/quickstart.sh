#!/usr/bin/env bash
# Havenmaster on one Debian 12 machine: collector, this machine's agent, and a recorded fleet of known
# incidents and healthy hosts.
#   ./deploy/quickstart.sh            install what is missing, build, start, show who is at risk
#   ./deploy/quickstart.sh --status   what runs, and the table again
#   ./deploy/quickstart.sh --stop     end everything it started (the data stays)
#   --dir FOLDER                      where all state goes (default ~/.local/state/havenmaster-quickstart)
# SPDX-License-Identifier: Apache-2.0
set -u

top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
dir=${XDG_STATE_HOME:-$HOME/.local/state}/havenmaster-quickstart
build=$top/build/quickstart
bin=$build/bin
readonly packages="gcc libc6-dev cmake ninja-build pkg-config libmicrohttpd-dev libjansson-dev
    libsodium-dev libsqlite3-dev libgnutls28-dev libcurl4-gnutls-dev zlib1g-dev python3 python3-yaml"
# One host an incident, as it was before any cure; the rest of the fleet is healthy.
readonly incidents="i1-payroll-2003 i2-exchange-2013-exposed i3-sbs-2003 i4-mail-2003"

usage() {
    sed -n '2,8s/^# \{0,1\}//p' "$0"
}

die() {
    echo "quickstart: $*" >&2
    exit 1
}

step() {
    printf '%s\n' "· $*"
}

install_missing() {
    local missing=() package root=()
    for package in $packages; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            missing+=("$package")
    done
    [ "${#missing[@]}" -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "these packages are missing and there is no sudo: ${missing[*]}"
        root=(sudo)
    fi
    step "Installing ${missing[*]} (a minute or two)"
    { "${root[@]}" apt-get update -qq && "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$dir/install.log" 2>&1 </dev/null ||
        { tail -n 5 "$dir/install.log"; die "apt-get failed; the whole log is $dir/install.log"; }
}

compile() {
    step "Building (about a minute the first time)"
    { cmake -S "$top" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DHM_TESTS=OFF \
        -DHM_PRODUCT_DIR="$top/schema/catalogue/products" &&
        cmake --build "$build"; } >"$dir/build.log" 2>&1 </dev/null ||
        { tail -n 15 "$dir/build.log"; die "the build failed; the whole log is $dir/build.log"; }
}

# A process is ours when its id and its start time are the ones we wrote down.
started_at() {
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

is_running() {
    local pid time
    [ -f "$dir/run/$1.pid" ] || return 1
    read -r pid time <"$dir/run/$1.pid"
    [ -n "$time" ] && [ "$(started_at "$pid")" = "$time" ]
}

# launch NAME COMMAND…: in the background, unless it runs already.
launch() {
    local name=$1 pid
    shift
    is_running "$name" && return
    setsid nohup "$@" >>"$dir/log/$name.log" 2>&1 </dev/null &
    pid=$!
    echo "$pid $(started_at "$pid")" >"$dir/run/$name.pid"
}

stop_all() {
    local file name pid ended=0
    for file in "$dir"/run/*.pid; do
        [ -f "$file" ] || continue
        name=$(basename "$file" .pid)
        if is_running "$name"; then
            read -r pid _ <"$file"
            kill "$pid"
            ended=$((ended + 1))
            for _ in $(seq 100); do
                is_running "$name" || break
                sleep 0.1
            done
            is_running "$name" && kill -9 "$pid"
        fi
        rm -f "$file"
    done
    echo "$ended processes ended. Data and logs are still in $dir"
}

port_is_free() {
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

choose_port() {
    local port
    if [ -f "$dir/port" ]; then
        cat "$dir/port"
        return
    fi
    for port in 5830 5831 5832 5833 5834; do
        if port_is_free "$port"; then
            echo "$port" | tee "$dir/port"
            return
        fi
    done
    die "ports 5830 to 5834 are all in use"
}

hmctl() {
    "$bin/hmctl" "$@"
}

# json_member NAME: the value of a string member, from standard input.
json_member() {
    sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"
}

init_collector() {
    step "Making a private CA and the data folder"
    (
        umask 077
        "$bin/hm-collector" init --data "$dir/collector" --name localhost --json |
            json_member admin_token >"$dir/admin-token"
    )
    [ -s "$dir/admin-token" ] || { rm -f "$dir/admin-token"; die "hm-collector init failed"; }
}

start_collector() {
    [ -s "$dir/admin-token" ] || init_collector
    HMCTL_TOKEN=$(cat "$dir/admin-token")
    export HMCTL_TOKEN
    step "Starting the collector on $HMCTL_COLLECTOR"
    launch collector "$bin/hm-collector" serve --data "$dir/collector" --set "port=$port" \
        --set listen=127.0.0.1 --set "public_url=$HMCTL_COLLECTOR" --set interval=10
    for _ in $(seq 100); do
        hmctl hosts --json >/dev/null 2>&1 && return
        is_running collector || break
        sleep 0.2
    done
    tail -n 5 "$dir/log/collector.log"
    die "the collector does not answer; its log is $dir/log/collector.log"
}

# start_agent NAME [KEY=VALUE…]
start_agent() {
    local name=$1 options=() setting
    shift
    mkdir -p "$dir/agents/$name"
    for setting in "collector=$HMCTL_COLLECTOR" "token_file=$dir/join-token" \
        "state_dir=$dir/agents/$name" "$@"; do
        options+=(--set "$setting")
    done
    launch "agent-$name" "$bin/hm-agent" run "${options[@]}"
}

start_fleet() {
    local name folder count=1
    if [ ! -s "$dir/join-token" ]; then
        (
            umask 077
            hmctl token new quickstart --uses 200 --ttl 7d --json |
                json_member secret >"$dir/join-token"
        )
        [ -s "$dir/join-token" ] || die "no join token could be made"
    fi
    start_agent "$(hostname)" labels=fleet=this-machine
    for name in $incidents; do
        folder=$top/tests/fixtures/hosts/$name
        start_agent "$name" "name=$name" "host=$folder" labels=fleet=incident
        count=$((count + 1))
    done
    for folder in "$top"/tests/fixtures/fleet/*/; do
        name=$(basename "$folder")
        start_agent "$name" "name=$name" "host=${folder%/}" labels=fleet=healthy
        count=$((count + 1))
    done
    wanted=$count
    step "Started $wanted agents: this machine, four incidents, the healthy ones"
}

wait_for_reports() {
    local reported=0
    for _ in $(seq 120); do
        reported=$(hmctl hosts --json 2>/dev/null | grep -o '"first_seen"' | wc -l)
        printf '\r· %d of %d hosts have reported ' "$reported" "$wanted"
        [ "$reported" -ge "$wanted" ] && break
        sleep 0.5
    done
    printf '\n'
    [ "$reported" -ge "$wanted" ] || die "not all agents reported; look into $dir/log"
}

show() {
    printf '\nHosts\n'
    hmctl hosts
    printf '\nServices at risk\n'
    hmctl verdicts --filter 'state!=safe'
}

next_steps() {
    cat <<TEXT

What now? First: export HMCTL_COLLECTOR=$HMCTL_COLLECTOR HMCTL_CA=$HMCTL_CA HMCTL_TOKEN=\$(cat $dir/admin-token)
  $bin/hmctl host i2-exchange-2013-exposed      one host: what is at risk, why, and the exact commands
  $bin/hmctl findings --filter severity=high    what to look at first
  $bin/hm-agent check                           this machine alone, without any collector
  $bin/hm-agent check --from FOLDER             files of deploy/windows/collect.cmd from any Windows server
  $0 --stop                                     end it all
TEXT
}

main() {
    local action=start
    while [ $# -gt 0 ]; do
        case $1 in
        --stop) action=stop ;;
        --status) action=status ;;
        --dir)
            [ $# -gt 1 ] || die "--dir needs a folder"
            dir=$2
            shift
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            usage >&2
            exit 2
            ;;
        esac
        shift
    done
    if [ "$action" = stop ]; then
        stop_all
        return
    fi
    mkdir -p "$dir/run" "$dir/log" "$dir/agents" || die "cannot make $dir"
    chmod 700 "$dir"
    if [ "$action" = start ]; then
        install_missing
        compile
    fi
    port=$(choose_port) || exit 1
    export HMCTL_COLLECTOR=https://localhost:$port HMCTL_CA=$dir/collector/ca.pem
    if [ "$action" = status ]; then
        is_running collector || die "nothing runs; start it with $0"
        HMCTL_TOKEN=$(cat "$dir/admin-token")
        export HMCTL_TOKEN
        show
        return
    fi
    start_collector
    start_fleet
    wait_for_reports
    show
    next_steps
}

main "$@"
