#!/usr/bin/env bash
# Static libcurl, jansson, libsodium and cmocka (and mbedTLS) for Windows, from Debian's source
# packages, into one folder. Cached: a second run does nothing.
#   windows-deps.sh FOLDER x86_64       Windows 7 / 2008 R2 and later, TLS by Schannel
#   windows-deps.sh FOLDER i686         Server 2003 and later, TLS by mbedTLS
#   windows-deps.sh FOLDER x86_64-2003  the same for 64-bit Server 2003
# CMake's own build of curl takes minutes of feature probes; the sources carry a configuration for
# Windows, so they are compiled directly here. Needs mingw-w64's gcc (win32), dpkg-dev, xz-utils.
# SPDX-License-Identifier: Apache-2.0
set -eu

[ $# -eq 2 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2; }
mkdir -p "$1"
root=$(cd "$1" && pwd)
variant=$2
arch=${variant%-2003}
case $variant in
x86_64) winnt=0x0601 tls=schannel ;;
i686 | x86_64-2003) winnt=0x0502 tls=mbedtls ;;
*) echo "windows-deps: no such architecture: $variant" >&2; exit 2 ;;
esac

readonly sources="curl jansson libsodium cmocka mbedtls"
readonly target=$arch-w64-mingw32
readonly out=$root/$variant
readonly stamp=$out/.complete-2
readonly base="-Os -ffunction-sections -fdata-sections -fstack-protector-strong -D_WIN32_WINNT=$winnt"
CC=$target-gcc
export CC OBJ FLAGS

[ -f "$stamp" ] && { echo "Windows libraries for $variant are in $out already."; exit 0; }
command -v "$CC" >/dev/null || { echo "windows-deps: $CC is missing: install gcc-mingw-w64-${arch/_/-}-win32" >&2; exit 1; }

# Debian's sources with Debian's patches, without touching the system's lists.
fetch() {
    local apt="$root/apt" options
    [ -f "$root/src/.complete" ] && return
    echo "Fetching the sources of $sources …"
    mkdir -p "$apt/parts" "$apt/lists/partial" "$root/src"
    if [ -f /etc/apt/sources.list.d/debian.sources ]; then
        sed 's/^Types:.*/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$apt/parts/src.sources"
    else
        sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$apt/parts/src.list"
    fi
    options="-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$apt/parts -o Dir::State::lists=$apt/lists"
    # shellcheck disable=SC2086
    {
        apt-get $options update -qq
        (cd "$root/src" && apt-get $options source -qq $sources)
    } >"$root/fetch.log" 2>&1 </dev/null || { tail -n 5 "$root/fetch.log"; echo "windows-deps: the sources could not be had" >&2; exit 1; }
    touch "$root/src/.complete"
}

source_of() {
    find "$root/src" -maxdepth 1 -type d -name "$1-[0-9]*" | head -n 1
}

# begin NAME: a fresh folder for objects; compile FILES…: all of them; archive NAME: the library.
begin() {
    OBJ=$root/obj-$variant/$1
    rm -rf "$OBJ"
    mkdir -p "$OBJ"
    echo "Compiling $1 for $variant …"
}
compile() {
    printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} sh -c '$CC -c $FLAGS {} -o "$OBJ/$(echo {} | tr / _).o"'
}
archive() {
    rm -f "$out/lib/lib$1.a"
    "$target-ar" rcs "$out/lib/lib$1.a" "$OBJ"/*.o
}

make_jansson() {
    begin jansson
    local src
    src=$(source_of jansson)
    sed 's/\(JSON_HAVE_LOCALECONV\) 0/\1 1/' "$src/android/jansson_config.h" >"$out/include/jansson_config.h"
    printf '#define %s 1\n' HAVE_STDINT_H HAVE_LOCALE_H HAVE_SYS_TYPES_H HAVE_UNISTD_H HAVE_FCNTL_H \
        HAVE_ATOMIC_BUILTINS USE_WINDOWS_CRYPTOAPI >"$OBJ/jansson_private_config.h"
    echo '#define INITIAL_HASHTABLE_ORDER 3' >>"$OBJ/jansson_private_config.h"
    FLAGS="$base -w -DHAVE_CONFIG_H -I$OBJ -I$out/include"
    (cd "$src/src" && compile *.c)
    archive jansson
    cp "$src/src/jansson.h" "$out/include/"
}

make_cmocka() {
    begin cmocka
    local src
    src=$(source_of cmocka)
    FLAGS="$base -w -DHAVE_MALLOC_H -DHAVE_IO_H -DHAVE_STRUCT_TIMESPEC -I$src/include"
    (cd "$src/src" && compile cmocka.c)
    archive cmocka
    cp "$src/include/cmocka.h" "$out/include/"
}

make_mbedtls() {
    begin mbedtls
    local src
    src=$(source_of mbedtls)
    FLAGS="$base -w -I$src/include -I$src/library"
    # Server 2003's C library has no vsnprintf_s: the program would not start there.
    sed 's/#if defined(_TRUNCATE)/#if 0/' "$src/library/platform.c" >"$OBJ/platform.c"
    # shellcheck disable=SC2046
    (cd "$src/library" && compile $(ls *.c | grep -vx platform.c) && cd "$OBJ" && compile platform.c)
    archive mbedtls
    cp -r "$src/include/mbedtls" "$out/include/"
}

make_curl() {
    begin curl
    local src lib
    src=$(source_of curl)
    lib=$src/lib
    FLAGS="$base -w -DUNICODE -D_UNICODE -DBUILDING_LIBCURL -DCURL_STATICLIB -DUSE_IPV6 -DENABLE_IPV6 -DHTTP_ONLY
        -DCURL_DISABLE_NTLM -DCURL_DISABLE_ALTSVC -DCURL_DISABLE_HSTS -DCURL_DISABLE_COOKIES
        -DCURL_DISABLE_DOH -DCURL_DISABLE_NETRC -I$lib -I$src/include"
    if [ "$tls" = schannel ]; then
        FLAGS="$FLAGS -DUSE_SCHANNEL -DUSE_WINDOWS_SSPI"
    else
        FLAGS="$FLAGS -DUSE_MBEDTLS -I$(source_of mbedtls)/include"
    fi
    FLAGS=$(echo "$FLAGS" | tr '\n' ' ')
    # Each file pulls in 80,000 lines of Windows headers: read them once.
    printf '#define WIN32_LEAN_AND_MEAN\n#include <winsock2.h>\n#include <windows.h>\n#include <ws2tcpip.h>\n' >"$OBJ/pch.h"
    # shellcheck disable=SC2086
    $CC $FLAGS -x c-header "$OBJ/pch.h" -o "$OBJ/pch.h.gch"
    FLAGS="$FLAGS -include $OBJ/pch.h"
    (cd "$lib" && compile *.c vtls/*.c vauth/*.c vquic/*.c vssh/*.c)
    archive curl
    cp -r "$src/include/curl" "$out/include/"
}

make_sodium() {
    begin sodium
    local src inc int128=
    src=$(source_of libsodium)/src/libsodium
    inc=$OBJ/inc
    mkdir -p "$inc"
    cp "$src/../../builds/msvc/version.h" "$inc/"
    [ "$arch" = x86_64 ] && int128=-DHAVE_TI_MODE=1
    FLAGS="$base -w -DSODIUM_STATIC=1 -DCONFIGURED=1 -DNATIVE_LITTLE_ENDIAN=1 $int128 -I$inc -I$src/include/sodium -I$src/include"
    # shellcheck disable=SC2046
    (cd "$src" && compile $(find * -name '*.c'))
    archive sodium
    cp -r "$src"/include/sodium* "$out/include/"
    cp "$inc/version.h" "$out/include/sodium/"
}

fetch
mkdir -p "$out/include" "$out/lib"
make_jansson
make_cmocka
if [ "$tls" = mbedtls ]; then
    make_mbedtls
fi
make_curl
make_sodium
touch "$stamp"
echo "Windows libraries for $variant are in $out."
