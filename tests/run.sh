#!/usr/bin/env bash
# Everything that can be proved on one Debian 12 machine: installs what is missing, builds, tests.
#   ./tests/run.sh            the stages release clang asan tsan e2e windows
#   ./tests/run.sh release    only some of them; more: cross (of windows what needs no Wine), wine (every suite of
#                             tests/windows; windows has a short pass), wine32 (the 32-bit program for Server
#                             2003, in a Debian for i386 that is fetched), tidy (clang-tidy), odds (100,000
#                             simulated boots of each recorded host), boots (an agent through 1,000), systemd (a
#                             Debian with 57 services, which is fetched; tests/systemd/README.md)
#   ./tests/run.sh --all      all of them
# SPDX-License-Identifier: Apache-2.0
set -u

cd "$(dirname "$0")/.." || exit 1
readonly stages_all="release clang asan tsan e2e windows"
readonly stages_more="wine wine32 tidy odds boots systemd" # beside cross, which is a part of windows
readonly packages="build-essential cmake ninja-build pkg-config clang clang-tidy clang-format
    libclang-rt-14-dev libmicrohttpd-dev libjansson-dev libsodium-dev libsqlite3-dev libcmocka-dev
    libgnutls28-dev libyaml-dev libcurl4-gnutls-dev zlib1g-dev python3 python3-jsonschema python3-yaml iproute2
    procps sqlite3 curl binutils openssl git ca-certificates"
# The short pass of "windows": the suites that show most in little time, and of suite_guard these parts.
readonly wine_short="service msi e2e languages policies"
readonly guard_short="waits program_deleted cure_by_hand uninstall"
# For the stages "cross", "windows" and "wine". libgnutls30 is what Wine's own TLS stands on.
readonly windows_packages="gcc-mingw-w64-x86-64-win32 gcc-mingw-w64-i686-win32 wine64 wine
    libgnutls30 wixl msitools dpkg-dev xz-utils locales"

passed=0
failed=0
jobs=$(nproc)

usage() {
    sed -n '2,9s/^# \{0,1\}//p' "$0"
}

say() {
    printf '\n== %s\n' "$*"
}

# install_missing "PACKAGE …"
install_missing() {
    local missing=() package
    for package in $1; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            missing+=("$package")
    done
    if [ "${#missing[@]}" -eq 0 ]; then
        echo "All packages are installed."
        return 0
    fi
    echo "Installing: ${missing[*]}"
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "Run this as root or install sudo: packages are missing."; return 1; }
        root=(sudo)
    fi
    if ! { "${root[@]}" apt-get update -qq &&
        "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            "${missing[@]}"; } >build/apt.log 2>&1 </dev/null; then
        tail -n 20 build/apt.log
        echo "apt-get failed (build/apt.log): nothing was tested."
        return 1
    fi
}

# build NAME [cmake options]: configure and compile build/NAME, warnings are errors; the log is shown
# when it fails.
build() {
    local dir=build/$1
    shift
    mkdir -p "$dir"
    echo "Building $dir …"
    if cmake -S . -B "$dir" -G Ninja -DHM_WERROR=ON "$@" >"$dir/configure.log" 2>&1 </dev/null &&
        cmake --build "$dir" -j "$jobs" >"$dir/build.log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        return 0
    fi
    tail -n 40 "$dir/configure.log" "$dir/build.log" 2>/dev/null
    echo "FAILED: build in $dir"
    failed=$((failed + 1))
    return 1
}

# tests NAME [ctest options]: runs them, adds up what ctest says, shows what failed and how to
# run it alone.
tests() {
    local dir=build/$1
    shift
    local log=$dir/ctest-$((passed + failed)).log counts
    echo "Testing $dir (log: $log) …"
    ctest --test-dir "$dir" --output-on-failure --no-tests=error "$@" >"$log" 2>&1 </dev/null
    local status=$?
    # "97% tests passed, 1 tests failed out of 42"
    counts=$(sed -n 's/.*tests passed, \([0-9]*\) tests failed out of \([0-9]*\).*/\1 \2/p' "$log")
    if [ -z "$counts" ]; then
        tail -n 20 "$log"
        echo "FAILED: ctest in $dir ran nothing"
        failed=$((failed + 1))
        return 1
    fi
    local bad=${counts% *} all=${counts#* }
    passed=$((passed + all - bad))
    failed=$((failed + bad))
    if grep -qE '\*\*\*(Skipped|Not Run)|Not Run' "$log"; then
        grep -E '\*\*\*|Not Run' "$log"
        echo "FAILED: tests that did not run are no success"
        failed=$((failed + 1))
        return 1
    fi
    if [ "$status" -ne 0 ]; then
        grep -vE '^ *[0-9]+/[0-9]+ Test .* Passed|^ *Start ' "$log" | head -c 20000
        echo "One alone: ctest --test-dir $dir --output-on-failure -R NAME   (whole log: $log)"
        return 1
    fi
    echo "$all of $all tests passed"
}

stage_release() {
    build release -DCMAKE_BUILD_TYPE=RelWithDebInfo && tests release -LE e2e -j "$jobs"
}

stage_clang() {
    # Warnings of a second compiler are errors too; the tests ran with the first one. So are those of
    # a third level of optimization.
    build clang -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug
    build optimized -DCMAKE_BUILD_TYPE=Release -DHM_TESTS=OFF
}

stage_asan() {
    build asan -DCMAKE_BUILD_TYPE=Debug -DHM_SANITIZE=address,undefined &&
        tests asan -LE lint -j "$jobs"
}

stage_tsan() {
    build tsan -DCMAKE_BUILD_TYPE=Debug -DHM_SANITIZE=thread && tests tsan -L concurrent -j "$jobs"
}

stage_e2e() {
    build release -DCMAKE_BUILD_TYPE=RelWithDebInfo && tests release -L e2e -j "$jobs"
}

stage_tidy() {
    build tidy -DCMAKE_C_COMPILER=clang -DCMAKE_C_CLANG_TIDY=clang-tidy -DCMAKE_BUILD_TYPE=Debug \
        -DHM_TESTS=OFF
}

# The forecasts against a simulation; its last line has the figures.
stage_odds() {
    build release -DCMAKE_BUILD_TYPE=RelWithDebInfo &&
        step odds tests/load/odds.py build/release/bin/hm-agent build/release/bin/boots .
}

# A whole agent with approved policies on every recorded host; its last line says what held.
stage_boots() {
    build release -DCMAKE_BUILD_TYPE=RelWithDebInfo &&
        step boots build/release/bin/boot_proof . --boots 1000 --jobs "$jobs"
}

# step WHAT COMMAND…: must succeed; shows its closing line, or all that it said when it fails.
step() {
    local what=$1 log=build/step-${1// /-}.log began=$SECONDS
    shift
    if "$@" >"$log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        echo "$what: $(tail -n 1 "$log") ($((SECONDS - began)) s)"
        return 0
    fi
    head -c 20000 "$log"
    echo "FAILED: $what   (one alone: $*)"
    failed=$((failed + 1))
    return 1
}

# The programs for Windows 7 / 2008 R2 and later, and for Server 2003: each may need only what its
# Windows has.
windows_builds() {
    local variant
    for variant in x86_64 i686; do
        step "libraries $variant" deploy/toolchain/windows-deps.sh build/windows-deps "$variant" ||
            return 1
    done
    build mingw --preset mingw && build mingw32 --preset mingw-2003 -DHM_TESTS=OFF || return 1
    step "imports 2008 R2" tests/windows/imports.sh x86_64-w64-mingw32-objdump \
        build/mingw/bin/hm-agent.exe tests/windows/imports-2008r2.txt
    step "imports 2003" tests/windows/imports.sh i686-w64-mingw32-objdump \
        build/mingw32/bin/hm-agent.exe tests/windows/imports-2003.txt
    for variant in x86_64-w64-mingw32 i686-w64-mingw32; do
        step "imports of the guard $variant" tests/windows/imports.sh "$variant-objdump" \
            "build/mingw$([ "$variant" = i686-w64-mingw32 ] && echo 32)/bin/hm-guard.exe" \
            tests/windows/imports-guard.txt
    done
    step "installer" cmake --build build/mingw --target msi
}

# Builds for Windows and looks into what came out; nothing is run under Wine here.
stage_cross() {
    if ! install_missing "$windows_packages"; then
        failed=$((failed + 1))
        return 1
    fi
    windows_builds && tests mingw -R windows_msi_tables
}

# All programs, and a prefix that the suites use one after the other: they measure times, so that none goes
# beside another. The third build, 64-bit with the libraries for 2003, is what Wine can run of that one.
wine_ready() {
    stage_cross || return 1
    build release -DCMAKE_BUILD_TYPE=RelWithDebInfo &&
        step "libraries x86_64-2003" deploy/toolchain/windows-deps.sh build/windows-deps \
            x86_64-2003 &&
        build mingw2003 --preset mingw -DHM_WINDOWS_2003=ON -DHM_TESTS=OFF || return 1
    export WINEPREFIX=$PWD/build/windows-prefix HM_BIN_DIR=$PWD/build/release/bin
    export HM_WINDOWS_DIR=$PWD/build/mingw HM_WINDOWS_2003_DIR=$PWD/build/mingw2003
    step "Wine prefix" timeout 300 tests/windows/prefix.sh make "$WINEPREFIX" \
        build/mingw/tests/windows/netsh.exe || return 1
    step "Wine server" timeout 300 tests/windows/prefix.sh start "$WINEPREFIX" &&
        step "no crash passes for success" timeout 300 tests/windows/self_test.sh &&
        tests mingw -j "$jobs"
    step "Wine server stops" timeout 300 tests/windows/prefix.sh stop "$WINEPREFIX"
    return 0 # what failed is counted; the suites say more
}

wine_done() {
    unset WINEPREFIX HM_BIN_DIR HM_WINDOWS_DIR HM_WINDOWS_2003_DIR
}

stage_windows() {
    local suite left=
    wine_ready || return 1
    for suite in $wine_short; do
        step "suite_$suite" timeout 600 "tests/windows/suite_$suite.py"
    done
    HM_FAULTS=$guard_short step "suite_guard in short" timeout 600 tests/windows/suite_guard.py
    wine_done
    for suite in tests/windows/suite_*.py; do
        suite=$(basename "$suite" .py)
        [[ " $wine_short " == *" ${suite#suite_} "* ]] || left+=" $suite"
    done
    echo "Whole only in the stage wine:$left"
}

stage_wine() {
    local suite
    wine_ready || return 1
    for suite in tests/windows/suite_*.py; do
        step "$(basename "$suite" .py)" timeout 2400 "$suite"
    done
    wine_done
}

# The suites whose facts are the same for both programs; the 64-bit one has the others.
stage_wine32() {
    local suite inside="tests/windows/wine32.sh run build/debian-i386"
    if ! install_missing "$windows_packages debootstrap"; then
        failed=$((failed + 1))
        return 1
    fi
    step "libraries i686" deploy/toolchain/windows-deps.sh build/windows-deps i686 &&
        build wine32 --preset mingw-2003 && build release -DCMAKE_BUILD_TYPE=RelWithDebInfo &&
        step "Debian for i386" tests/windows/wine32.sh make build/debian-i386 || return 1
    export WINEPREFIX=$PWD/build/windows-prefix-32 HM_BIN_DIR=$PWD/build/release/bin
    export HM_WINDOWS_DIR=$PWD/build/wine32 HM_WINDOWS_2003_DIR=$PWD/build/wine32
    step "32-bit prefix" timeout 300 $inside tests/windows/prefix.sh make "$WINEPREFIX" \
        build/wine32/tests/windows/netsh.exe &&
        step "32-bit server" timeout 300 $inside tests/windows/prefix.sh start "$WINEPREFIX" &&
        step "32-bit unit tests" timeout 900 $inside ctest --test-dir build/wine32 --output-on-failure \
            --no-tests=error -j "$jobs"
    $inside tests/windows/prefix.sh stop "$WINEPREFIX"
    for suite in e2e languages service; do
        step "32-bit suite_$suite" timeout 600 $inside "tests/windows/suite_$suite.py"
    done
    unset WINEPREFIX HM_BIN_DIR HM_WINDOWS_DIR HM_WINDOWS_2003_DIR
}

# The product as install.md installs it, on a Debian of its own; its last line says what was not run.
stage_systemd() {
    local stage=$PWD/build/systemd/stage
    if ! install_missing "mmdebstrap"; then
        failed=$((failed + 1))
        return 1
    fi
    build package -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_INSTALL_PREFIX=/usr -DHM_TESTS=OFF &&
        step "Debian for systemd" tests/systemd/root.sh make build/systemd/root || return 1
    rm -rf "$stage"
    step "installation" env DESTDIR="$stage" cmake --install build/package --strip &&
        step "suite systemd" timeout 1200 tests/systemd/suite.py build/systemd/root "$stage" \
            build/systemd/work
}

main() {
    local stages=() stage began
    [ "$*" = --all ] && read -r -a stages <<<"$stages_all $stages_more" && shift
    for stage in "$@"; do
        case " $stages_all $stages_more cross " in
        *" $stage "*) stages+=("$stage") ;;
        *)
            usage
            [ "$stage" = --help ] && exit 0
            echo "No such stage: $stage"
            exit 2
            ;;
        esac
    done
    [ "${#stages[@]}" -gt 0 ] || read -r -a stages <<<"$stages_all"

    say "packages"
    if ! install_missing "$packages"; then
        printf '\n0 passed, 1 failed\n'
        exit 1
    fi
    for stage in "${stages[@]}"; do
        began=$SECONDS
        say "$stage"
        "stage_$stage"
        echo "($stage: $((SECONDS - began)) s)"
    done
    printf '\nWhole run: %d s' "$SECONDS"
    [ "${stages[*]}" != "$stages_all" ] || printf '; not part of it: %s' "$stages_more"
    printf '\n'
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# Two runs in one folder would undo each other's builds and end each other's Wine programs.
if [ -z "${HM_RUN_LOCKED:-}" ]; then
    mkdir -p build
    HM_RUN_LOCKED=1 flock -n -o -E 75 build/.run-lock ./tests/run.sh "$@"
    status=$?
    [ "$status" -ne 75 ] || echo "Another run is under way in this folder: nothing was tested."
    exit "$status"
fi
main "$@"
