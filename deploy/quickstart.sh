#!/usr/bin/env bash
# Havenmaster on one Debian 12 machine: collector, this machine's agent, and a recorded fleet of known
# incidents and healthy hosts.
#   ./deploy/quickstart.sh            install what is missing, build, start, show who is at risk
#   ./deploy/quickstart.sh --status   the tables again
#   ./deploy/quickstart.sh --stop     end everything it started (the data stays)
#   ./deploy/quickstart.sh --reboot HOST   as if that recorded host was restarted
#   --dir FOLDER                      where all state goes (default ~/.local/state/havenmaster-quickstart)
# Programs that are built already are taken from the folder HM_BIN_DIR, when that is set.
# SPDX-License-Identifier: Apache-2.0
set -u

top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
dir=${XDG_STATE_HOME:-${HOME:-/root}/.local/state}/havenmaster-quickstart
again=$0 # how to call this once more, for the same folder
build=$top/build/quickstart
since= # when the first process was started: reports from before do not count
agents=() # names of the hosts that are to report
bin=${HM_BIN_DIR:-$build/bin}
products=$top/schema/catalogue/products
readonly packages="gcc libc6-dev cmake ninja-build pkg-config libmicrohttpd-dev libjansson-dev
    libsodium-dev libsqlite3-dev libgnutls28-dev libcurl4-gnutls-dev libyaml-dev
    zlib1g-dev python3 python3-yaml"
# Each incident as it was before any cure; the rest of the fleet is healthy.
readonly incidents="i1-payroll-2003 i2-exchange-2013-exposed i2-exchange-2013-held
    i2-exchange-2013-stopped i3-sbs-2003 i4-mail-2003 linux-web"

usage() {
    sed -n '2,9s/^# \{0,1\}//p' "$0"
}

die() {
    echo "quickstart: $*" >&2
    exit 1
}

step() {
    printf '%s\n' "· $*"
}

# What it says while it waits stands in one line of a terminal, and once in a file.
progress() {
    [ -t 1 ] && printf '\r· %s ' "$*"
}

progress_done() {
    [ -t 1 ] && printf '\r'
    step "$*"
}

install_missing() {
    local missing=() package root=()
    for package in $packages; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            missing+=("$package")
    done
    [ "${#missing[@]}" -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            die "packages are missing, and there is no sudo. As root: apt-get install ${missing[*]}"
        root=(sudo)
    fi
    step "Installing ${missing[*]} (a minute or two)"
    { "${root[@]}" apt-get update -qq && "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$dir/install.log" 2>&1 </dev/null ||
        { tail -n 5 "$dir/install.log"; die "apt-get failed; the whole log is $dir/install.log"; }
}

compile() {
    mkdir -p "$build" && [ -w "$build" ] ||
        die "cannot write to $build: run this as the owner of $top, or from a clone of your own"
    step "Building (about a minute the first time)"
    { cmake -S "$top" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DHM_TESTS=OFF \
        -DHM_PRODUCT_DIR="$products" &&
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
    since=${since:-$(date -u +%FT%TZ)}
    setsid nohup "$@" >>"$dir/log/$name.log" 2>&1 </dev/null &
    pid=$!
    echo "$pid $(started_at "$pid")" >"$dir/run/$name.pid"
}

stop_all() {
    local file name pid ended=0
    [ -d "$dir/run" ] || { echo "Nothing was started in $dir"; return; }
    for file in "$dir"/run/*.pid; do # all at once: one may need two seconds to end
        name=$(basename "$file" .pid)
        if [ -f "$file" ] && is_running "$name"; then
            read -r pid _ <"$file"
            kill "$pid"
            ended=$((ended + 1))
        fi
    done
    for file in "$dir"/run/*.pid; do
        [ -f "$file" ] || continue
        name=$(basename "$file" .pid)
        if is_running "$name"; then
            read -r pid _ <"$file"
            for _ in $(seq 100); do
                is_running "$name" || break
                sleep 0.1
            done
            is_running "$name" && kill -9 "$pid"
        fi
        rm -f "$file"
    done
    echo "$ended processes ended. Data and logs stay in $dir; remove it to begin again."
}

port_is_free() {
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

choose_port() {
    local port last=
    [ -f "$dir/port" ] && last=$(cat "$dir/port")
    if [ -n "$last" ] && is_running collector; then
        echo "$last"
        return
    fi
    for port in $last 5830 5831 5832 5833 5834; do
        if port_is_free "$port"; then
            [ "$port" = "${last:-5830}" ] || echo "· Port ${last:-5830} is in use: taking $port" >&2
            echo "$port" | tee "$dir/port"
            return
        fi
    done
    die "ports 5830 to 5834 are all in use on 127.0.0.1: ss -ltnp shows by whom"
}

hmctl() {
    "$bin/hmctl" "$@"
}

# json_member NAME: the value of a string member, from standard input.
json_member() {
    sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"
}

# One person who writes, approves and runs: a demonstration. The passphrase lies beside the key, which
# is what nobody should do whose hosts are real: deploy/docs/policies.md.
init_collector() {
    step "Making a private CA, the data folder, and the key of a single operator"
    (
        umask 077
        echo "a demonstration, not a secret" >"$dir/operator-passphrase"
        "$bin/hm-collector" init --data "$dir/collector" --name localhost --json \
            --operator-key "$dir/operator.key" --passphrase-file "$dir/operator-passphrase" |
            json_member admin_token >"$dir/admin-token"
    )
    [ -s "$dir/admin-token" ] || { rm -f "$dir/admin-token"; die "hm-collector init failed"; }
}

# What a shell needs to ask this collector: "source FOLDER/env".
write_env() {
    (
        umask 077
        printf 'export %s=%q\n' HMCTL_COLLECTOR "$HMCTL_COLLECTOR" HMCTL_CA "$HMCTL_CA" \
            HMCTL_TOKEN "$HMCTL_TOKEN" OPERATOR_KEY "$dir/operator.key" \
            HM_PASSPHRASE "$(cat "$dir/operator-passphrase")" >"$dir/env"
        printf 'export PATH=%q:$PATH\n' "$bin" >>"$dir/env"
    )
}

start_collector() {
    if [ ! -s "$dir/admin-token" ]; then
        init_collector
    elif [ ! -s "$dir/operator.key" ]; then
        die "$dir was made by an earlier version, without policies: $again --stop, then remove it"
    fi
    HMCTL_TOKEN=$(cat "$dir/admin-token")
    export HMCTL_TOKEN
    write_env
    if is_running collector; then
        step "The collector runs already on $HMCTL_COLLECTOR"
        return
    fi
    step "Starting the collector on $HMCTL_COLLECTOR"
    launch collector "$bin/hm-collector" serve --data "$dir/collector" --set "port=$port" \
        --set listen=127.0.0.1 --set "public_url=$HMCTL_COLLECTOR" --set interval=10 \
        --set "product_dir=$products"
    for _ in $(seq 100); do
        hmctl hosts --limit 1 --json >/dev/null 2>&1 && return
        is_running collector || break
        sleep 0.2
    done
    tail -n 5 "$dir/log/collector.log"
    is_running collector && hmctl hosts --limit 1
    die "the collector does not answer; its log is $dir/log/collector.log"
}

# start_agent NAME [KEY=VALUE…]
start_agent() {
    local name=$1 options=() setting
    shift
    agents+=("$name")
    mkdir -p "$dir/agents/$name"
    for setting in "name=$name" "collector=$HMCTL_COLLECTOR" "token_file=$dir/join-token" \
        "state_dir=$dir/agents/$name" "product_dir=$products" "$@"; do
        options+=(--set "$setting")
    done
    launch "agent-$name" "$bin/hm-agent" run "${options[@]}"
}

# start_recorded NAME FOLDER LABEL: a copy, which policies may change.
start_recorded() {
    if [ ! -d "$dir/hosts/$1" ]; then
        rm -rf "$dir/hosts/.copy" && mkdir -p "$dir/hosts" && cp -R "$2" "$dir/hosts/.copy" &&
            mv "$dir/hosts/.copy" "$dir/hosts/$1" || die "cannot copy $2 to $dir/hosts"
    fi
    start_agent "$1" "host=$dir/hosts/$1" "labels=fleet=$3"
}

start_fleet() {
    local name folder
    if [ ! -s "$dir/join-token" ]; then
        (
            umask 077
            hmctl token new quickstart --uses 200 --ttl 7d --json |
                json_member secret >"$dir/join-token"
        )
        [ -s "$dir/join-token" ] || die "no join token could be made"
    fi
    start_agent "$(hostname)" labels=fleet=this-machine enforce=off # it is real: only looked at
    for name in $incidents; do
        start_recorded "$name" "$top/tests/fixtures/hosts/$name" incident
    done
    for folder in "$top"/tests/fixtures/fleet/*/; do
        name=$(basename "$folder")
        start_recorded "$name" "${folder%/}" healthy
    done
    step "${#agents[@]} agents run: this machine, the incidents, the healthy ones"
}

# Names of the hosts that have not reported yet.
find_missing() {
    local name reported
    reported=$(hmctl hosts --json 2>/dev/null | grep -o '"\(name\|last_seen\)": *"[^"]*"' |
        awk -F '"' -v since="$since" '$2 == "name" { name = $4 }
            $2 == "last_seen" && $4 >= since { print name }')
    for name in "${agents[@]}"; do
        grep -qxF -e "$name" <<<"$reported" || echo "$name"
    done
}

# One at least of these hosts has an agent that runs.
may_report() {
    local name
    for name in "$@"; do
        is_running "agent-$name" && return
    done
    return 1
}

# What a person needs to see of a host that has not reported.
explain_missing() {
    local name log
    for name in "$@"; do
        log=$dir/log/agent-$name.log
        is_running "agent-$name" || echo "  $name: its agent has ended"
        echo "  $name: $(tail -n 1 "$log" 2>/dev/null)"
        echo "  $name: the whole log is $log"
    done
}

# A slow machine is given its time for as long as one host after another reports.
wait_for_reports() {
    local missing total=${#agents[@]} left until=$((SECONDS + 60))
    left=$total
    while :; do
        mapfile -t missing < <(find_missing)
        [ "${#missing[@]}" -gt 0 ] || break
        [ "${#missing[@]}" -eq "$left" ] || until=$((SECONDS + 60))
        left=${#missing[@]}
        [ "$SECONDS" -lt "$until" ] && may_report "${missing[@]}" || break
        progress "$((total - left)) of $total hosts have reported"
        sleep 0.5
    done
    progress_done "$((total - ${#missing[@]})) of $total hosts have reported"
    [ "${#missing[@]}" -eq 0 ] && return
    explain_missing "${missing[@]}" >&2
    die "not all agents reported: ${missing[*]}"
}

# What is there already, in whatever state, was somebody's decision.
submit_policies() {
    local file name submitted=0 year
    year=$(($(date -u +%Y) + 1))
    mkdir -p "$dir/policies"
    for file in "$top"/deploy/quickstart/policies/*.yaml; do
        name=$(basename "$file" .yaml)
        hmctl policy show "$name" >/dev/null 2>&1 && continue
        sed "s/^review: .*/review: $year$(date -u +-%m)-01/" "$file" >"$dir/policies/$name.yaml"
        hmctl policy submit "$dir/policies/$name.yaml" >>"$dir/log/policies.log" 2>&1 ||
            { tail -n 5 "$dir/log/policies.log"; die "policy $name could not be submitted"; }
        submitted=$((submitted + 1))
    done
    if [ "$submitted" -eq 0 ]; then
        step "the policies were submitted before; \"hmctl policies\" says where each stands"
    else
        step "$submitted policies are submitted; nothing is changed until somebody approves one"
    fi
}

# A later boot: what was waiting for one counts from now on.
reboot_host() {
    local file=$dir/hosts/$1/host.json
    case $1 in */* | "") die "a host's name, please" ;; esac
    [ -f "$file" ] || die "there is no recorded host \"$1\"; hmctl hosts lists them"
    sed "s/\"boot_id\": *\"[^\"]*\"/\"boot_id\": \"$(date -u +%FT%TZ)\"/" "$file" >"$file.new" &&
        mv "$file.new" "$file" || die "cannot write $file"
    is_running "agent-$1" || die "the agent of $1 does not run"
    echo "$1 has started again; its agent sees that within its interval of 10 s"
}

show() {
    printf '\nHosts\n'
    hmctl hosts
    printf '\nServices at risk\n'
    hmctl verdicts --filter 'state!=safe'
    printf '\nPolicies\n'
    hmctl policies
}

next_steps() {
    cat <<TEXT

What now? First, in this shell:  source $(printf %q "$dir/env")
  hmctl policy plan exchange-back-end      what it would do, and to whom; changes nothing
  hmctl policy approve exchange-back-end --key "\$OPERATOR_KEY"
  hmctl policy activate exchange-back-end  in seconds on every host that it means
  hmctl policy hosts exchange-back-end     who has proved it, who waits, and for what
  hmctl host i2-exchange-2013-exposed      one host: what is at risk, why, and the exact commands
  hm-agent check                           this machine alone, without any collector
  $again --stop    end it all

This is a demonstration: one key approves what the same person wrote, and its passphrase lies beside it
in $dir. For real hosts: two persons, two keys, see deploy/docs/policies.md.
TEXT
}

main() {
    local action=start reboot=
    while [ $# -gt 0 ]; do
        case $1 in
        --stop) action=stop ;;
        --status) action=status ;;
        --reboot)
            [ $# -gt 1 ] || { echo "quickstart: --reboot needs a host" >&2; exit 2; }
            action=reboot
            reboot=$2
            shift
            ;;
        --dir)
            [ $# -gt 1 ] && [ -n "$2" ] || { echo "quickstart: --dir needs a folder" >&2; exit 2; }
            dir=$2
            again="$0 --dir $(printf %q "$2")"
            shift
            ;;
        --dir=?*)
            dir=${1#--dir=}
            again="$0 --dir $(printf %q "$dir")"
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            echo "quickstart: there is no option \"$1\"" >&2
            usage >&2
            exit 2
            ;;
        esac
        shift
    done
    case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
    if [ "$action" = stop ]; then
        stop_all
        return
    fi
    if [ "$action" = reboot ]; then
        reboot_host "$reboot"
        return
    fi
    if [ "$action" = status ] && ! is_running collector; then
        die "nothing runs in $dir; start it with $again"
    fi
    mkdir -p "$dir/run" "$dir/log" "$dir/agents" 2>/dev/null ||
        die "cannot make $dir: choose another with --dir"
    chmod 700 "$dir"
    if [ "$action" = start ] && [ -z "${HM_BIN_DIR:-}" ]; then
        install_missing
        compile
    fi
    port=$(choose_port) || exit 1
    export HMCTL_COLLECTOR=https://localhost:$port HMCTL_CA=$dir/collector/ca.pem
    if [ "$action" = status ]; then
        HMCTL_TOKEN=$(cat "$dir/admin-token")
        export HMCTL_TOKEN
        show
        return
    fi
    start_collector
    start_fleet
    wait_for_reports
    submit_policies
    show
    next_steps
}

main "$@"
