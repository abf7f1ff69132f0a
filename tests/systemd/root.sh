#!/usr/bin/env bash
# A Debian 12 with the services of packages.txt, in a folder; as root, from the mirrors of this
# machine's own apt. It is made once and kept: what a run changes is in a layer above it.
#   root.sh make FOLDER
# SPDX-License-Identifier: Apache-2.0
set -eu

[ "${1:-}" = make ] && [ $# -eq 2 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2"
root=$(cd "$2" && pwd)
readonly here root

# One line a source, as this machine's apt has them for Debian 12.
sources() {
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        grep -E ' bookworm(-updates|-security)? main$' | sort -u
}

packages() {
    sed 's/#.*//' "$here/packages.txt" | tr -s ' \n' ',,' | sed 's/^,//; s/,$//'
}

made=$root/.made-$(cat "$0" "$here/packages.txt" | sha256sum | cut -c 1-16)
if [ -e "$made" ]; then
    echo "The Debian of an earlier run."
    exit 0
fi
rm -rf "${root:?}"
mkdir "$root"
mapfile -t lines < <(sources)
[ "${#lines[@]}" -gt 0 ] || { echo "apt of this machine has no mirror of Debian 12."; exit 1; }
mmdebstrap --mode=root --dpkgopt=force-unsafe-io --variant=minbase --include="$(packages)" \
    --customize-hook='rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/usr/share/doc "$1"/usr/share/man' \
    bookworm "$root" "${lines[@]}"
touch "$made"
echo "A new Debian."
