#!/usr/bin/env bash
# Gives a bare Debian machine what the tests of the Docker engine need: a Docker daemon, a registry on 127.0.0.1:5000
# that answers for the user "slipway" with the password "slipway-test", and base images under the names that Dockerfiles
# use. The images are made from Debian's own packages, because no registry has to be reachable. What is there already is
# kept. To be run as root; it waits for the project's dependencies, which may be installed at the same time.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
exec </dev/null

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/context"

wait_for() {
  for _ in $(seq 150); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.2
  done
  echo "Not ready after 30 s: $*" >&2
  return 1
}

start_daemon() {
  docker info >/dev/null 2>&1 && return
  # What a machine that was switched off left behind.
  rm -f /var/run/docker.pid
  setsid dockerd >/var/log/slipway-dockerd.log 2>&1 &
  wait_for docker info || { tail -20 /var/log/slipway-dockerd.log >&2; return 1; }
}

start_registry() {
  local address=127.0.0.1:5000
  curl -s -o /dev/null "http://$address/v2/" && return
  local folder=/var/lib/slipway-test-registry
  mkdir -p "$folder"
  # bcrypt of "slipway-test"; htpasswd would be one more package.
  python3 - "$folder/users" <<'PYTHON'
import crypt, sys
with open(sys.argv[1], 'w') as file:
    file.write('slipway:' + crypt.crypt('slipway-test', crypt.mksalt(crypt.METHOD_BLOWFISH)) + '\n')
PYTHON
  cat >"$folder/config.yml" <<YAML
version: 0.1
storage:
  filesystem: { rootdirectory: $folder/data }
  delete: { enabled: true }
http: { addr: $address }
auth:
  htpasswd: { realm: slipway, path: $folder/users }
YAML
  setsid docker-registry serve "$folder/config.yml" >/var/log/slipway-registry.log 2>&1 &
  wait_for curl -s -o /dev/null "http://$address/v2/"
}

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# A minimal Debian, without what only people need.
make_debian() {
  has_image debian:bookworm-slim && return
  # Nothing of it has to survive a power cut.
  mkdir -p "$scratch/root/etc/dpkg/dpkg.cfg.d"
  echo force-unsafe-io >"$scratch/root/etc/dpkg/dpkg.cfg.d/unsafe-io"
  debootstrap --variant=minbase bookworm "$scratch/root" http://deb.debian.org/debian >"$scratch/debootstrap.log" \
    || { tail -20 "$scratch/debootstrap.log" >&2; return 1; }
  rm -rf "$scratch"/root/{var/cache/apt/archives,usr/share/{doc,man,locale}}/*
  tar -C "$scratch/root" -c . | docker import --change 'CMD ["bash"]' - debian:bookworm-slim >/dev/null
}

# make_image <name> <packages> <more lines of its Dockerfile>; files come from $scratch/context
# shellcheck disable=SC2016 # variables in those lines are the image's
make_image() {
  has_image "$1" && return
  {
    echo "FROM debian:bookworm-slim"
    echo "RUN (ls /var/lib/apt/lists/*_Packages || apt-get -qq update) >/dev/null 2>&1; apt-get -qq install -y --no-install-recommends $2 >/dev/null"
    echo "$3"
  } | DOCKER_BUILDKIT=0 docker build -q -t "$1" -f - "$scratch/context" >/dev/null 2>"$scratch/build.log" \
    || { cat "$scratch/build.log" >&2; return 1; }
}

start_daemon
start_registry
make_debian
make_image golang:1.19 'ca-certificates golang-1.19-go' 'ENV PATH=/usr/lib/go-1.19/bin:$PATH
CMD ["bash"]' &
go=$!
make_image python:3.11-slim 'ca-certificates python3' 'RUN ln -s python3 /usr/bin/python
CMD ["python3"]'
make_image php:8.2-cli 'ca-certificates php-cli' 'CMD ["php", "-a"]'
# npm writes this file last.
for _ in $(seq 300); do [[ -e node_modules/.package-lock.json ]] && break || sleep 1; done
node=node_modules/node/bin/node
wait_for test -s "$node"
cp -L "$node" "$scratch/context/node"
make_image node:24-slim 'ca-certificates libstdc++6' 'COPY node /usr/local/bin/node
RUN useradd --uid 1000 --create-home node
CMD ["node"]'
# The sidecar's image, which the engine would build before its first run.
"$node" scripts/images.ts >/dev/null
wait "$go"
echo "Docker is ready"
