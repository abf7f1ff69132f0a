#!/bin/sh
# The agent's installer for 64-bit Windows. Needs wixl and msitools.
#   build-msi.sh HM-AGENT.EXE PRODUCTS-FOLDER VERSION OUTPUT.msi
# hm-guard.exe is beside the first, catalogue.json beside the second.
# SPDX-License-Identifier: Apache-2.0
set -eu
if [ $# -ne 4 ]; then
    echo "usage: build-msi.sh HM-AGENT.EXE PRODUCTS-FOLDER VERSION OUTPUT.msi" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
exe=$(realpath "$1")
products=$(realpath "$2")
version=$3
output=$(realpath -m "$4")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Windows Installer compares three numbers only, below 256.256.65536.
echo "$version" | grep -Eq '^[0-9]+\.[0-9]+\.[0-9]+$' || {
    echo "build-msi.sh: the version must be three numbers, not \"$version\"" >&2
    exit 2
}

# An identifier from a name, always the same one (RFC 4122, version 5).
identifier() {
    printf '%s' "havenmaster:$1" | sha1sum | tr a-f A-F |
        sed -E 's/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/\1-\2-5\3-8\4-\5/'
}

# One component a file; its identifier hangs on the name alone, so it is the same in every version.
{
    echo '<Include xmlns="http://schemas.microsoft.com/wix/2006/wi">'
    for file in "$products"/*.json; do
        name=$(basename "$file")
        guid=$(identifier "product:$name")
        id=P_$(echo "$name" | tr -c 'A-Za-z0-9\n' _)
        echo "<Component Id=\"$id\" Guid=\"$guid\" Win64=\"yes\"><File Id=\"F_$id\" Name=\"$name\" Source=\"products/$name\" KeyPath=\"yes\"/></Component>"
    done
    echo '</Include>'
} >"$work/products.wxi"
{
    echo '<Include xmlns="http://schemas.microsoft.com/wix/2006/wi">'
    sed -n 's/^<Component Id="\([^"]*\)".*/<ComponentRef Id="\1"\/>/p' "$work/products.wxi"
    echo '</Include>'
} >"$work/product_refs.wxi"
cp "$here/hm-agent.wxs" "$work/"
cp "$exe" "$work/hm-agent.exe"
cp "$(dirname "$exe")/hm-guard.exe" "$work/"
ln -s "$products" "$work/products"
cp "$products/../catalogue.json" "$work/"
rm -f "$output"
(cd "$work" && wixl -a x64 -D "Version=$version" -o "$output" hm-agent.wxs)

# What wixl has no words for.
edit() {
    msibuild "$output" -q "$1"
}
# What a person without elevation gives on the command line reaches the part that runs elevated.
secure=$(msiinfo export "$output" Property | sed -n 's/^SecureCustomProperties\t//p' | tr -d '\r')
edit "DELETE FROM \`Property\` WHERE \`Property\` = 'SecureCustomProperties'"
edit "INSERT INTO \`Property\` (\`Property\`, \`Value\`) VALUES ('SecureCustomProperties', '${secure:+$secure;}COLLECTOR;TOKEN;LABELS;REMOVESTATE;KEEPRESERVATIONS;GUARDED')"
# The token stays out of the log: deferred 1024, not impersonated 2048, a program of ours 18, and
# 8192, "hide target".
edit "UPDATE \`CustomAction\` SET \`Type\` = 11282 WHERE \`Action\` = 'Configure'"
upgrade_code=$(msiinfo export "$output" Property | sed -n 's/^UpgradeCode\t//p' | tr -d '\r')
# The old version goes before anything of the new one is done; a package of the same version
# replaces it, too (512, "maximum included").
edit "UPDATE \`InstallExecuteSequence\` SET \`Sequence\` = 1501 WHERE \`Action\` = 'RemoveExistingProducts'"
edit "DELETE FROM \`Upgrade\` WHERE \`ActionProperty\` = 'WIX_UPGRADE_DETECTED'"
edit "INSERT INTO \`Upgrade\` (\`UpgradeCode\`, \`VersionMax\`, \`Attributes\`, \`ActionProperty\`) VALUES ('$upgrade_code', '$version', 513, 'WIX_UPGRADE_DETECTED')"
echo "$output"
