#!/bin/sh
# packages.sh image|run|test: sees to it that the Debian packages which `make
# image`, `make run` or `make test` need are there. As root it installs what is
# missing; anyone else is told the one command that does.
set -eu

# To build the kernel and the disk; by the certificates go fetches modules.
image="ca-certificates gcc libc6-dev make perl flex bison bc libelf-dev libssl-dev xz-utils lz4 linux-source e2fsprogs e2fsck-static"
# To start the image.
run="qemu-system-x86 openssh-client"
# The real peers that the tests talk to.
peers="ipxe-qemu tgt mmdebstrap udhcpc isc-dhcp-client isc-dhcp-relay bind9-dnsutils netbase nftables iproute2 iputils-ping tcpdump procps"
# What makes disks, for those of the userland's commands that read them.
peers="$peers dosfstools fdisk xfsprogs"
# nmap looks from outside for what the firewall leaves open.
peers="$peers nmap"
# Servers and clients of files, whose second conversations the firewall has to know.
peers="$peers vsftpd curl"
# Commands of the console that ask the network, and what they talk to.
peers="$peers mtr-tiny netcat-openbsd tftpd-hpa traceroute"
# More of them, for DHCP: clients that each speak it in their own way, and another relay agent.
# systemd has networkd, which is told what to do through a bus of its own.
peers="$peers dhcpcd-base klibc-utils busybox systemd dbus-daemon dbus-system-bus-common dnsmasq-base"
# And the way out: providers that give addresses to our client, and cards whose checksums are missing.
peers="$peers kea-dhcp4-server kea-dhcp6-server isc-dhcp-server ethtool"
# For DNS: two resolvers, an authoritative server, what signs its zones, and another C library.
peers="$peers unbound knot-resolver knot-dnsutils nsd ldnsutils musl-tools"
# Routers and hosts of IPv6, which say what others advertise.
peers="$peers radvd radvdump ndisc6"
# Installed, these would change how the machine finds names, and who sets its clock: they are unpacked only, to where
# the tests look.
unpacked="systemd-resolved chrony ntpsec ntpsec-ntpdig python3-ntp systemd-timesyncd"
# What the commands of the console that busybox has none of are compared with.
peers="$peers lsof psmisc"
# Clients of ssh with few ciphers, and who audits what a server offers.
peers="$peers python3-paramiko ssh-audit"
# Clients of it that are not OpenSSH's, and OpenSSH's other end of sftp.
peers="$peers dropbear-bin putty-tools openssh-sftp-server"
# What busybox has no peer of: files as a tree.
peers="$peers tree"
# What the commands of the console are compared with, where busybox has none or too little.
peers="$peers bridge-utils conntrack"
# OpenSSH's server, which our client of ssh talks to.
unpacked="$unpacked openssh-server"
# What these need of others: Python, libraries, and what unpacks a source.
peers="$peers bzip2 cpio python3-minimal libedit2 libnettle8 libgnutls30 libseccomp2 libcap2 libbsd0 libssl3 libwrap0"
unpackeddir=/var/lib/gatehouse-peers
# Debian leaves ntpd out of its busybox, OpenWrt and Alpine have it: it is built of the source of Debian's.
built="busybox-ntpd"
# The servers that are measured beside ours.
rivals="radvd kea-admin kea-dhcp4-server dnsmasq-base knot"

case "${1-}" in
image) want="$image"; unpacked="" built="" ;;
run) want="$image $run"; unpacked="" built="" ;;
test) want="$image $run $peers" ;;
bench) want="$image $run $peers $rivals" ;;
*) echo "usage: $0 image|run|test|bench" >&2; exit 2 ;;
esac

command -v go >/dev/null || { echo "Go is missing: install Go 1.26 or newer and put it in PATH" >&2; exit 1; }
if ! command -v dpkg-query >/dev/null; then
	echo "This is not Debian: what these of its packages hold must be there:" >&2
	echo "  $want $unpacked $built" >&2
	exit 0
fi

missing=""
for package in $want; do
	status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || status=""
	[ "$status" = installed ] || missing="$missing $package"
done
unpack=""
for package in $unpacked; do
	[ -d "$unpackeddir/$package" ] || unpack="$unpack $package"
done
for program in $built; do
	[ -d "$unpackeddir/$program" ] || unpack="$unpack $program"
done
[ -n "$missing$unpack" ] || exit 0

install="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" -ne 0 ]; then
	echo "Debian packages are missing. This installs them:" >&2
	[ -z "$missing" ] || echo "  sudo apt-get update && sudo $install" >&2
	[ -z "$unpack" ] || echo "  sudo $0 $1" >&2
	exit 1
fi
echo "installing:$missing$unpack"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
[ -z "$missing" ] || $install -qq </dev/null >/dev/null

# build_busybox builds one that has ntpd only, in the directory it is in. The list of packages with sources is one of its
# own, made of what apt knows; gcc and make are there for the kernel.
build_busybox() {
	mkdir -p source/lists/partial source/parts
	for list in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
		[ ! -f "$list" ] || sed 's/^Types:.*/Types: deb-src/; s/^deb /deb-src /' "$list" >"source/parts/${list##*/}"
	done
	(
		cd source
		own="-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$PWD/parts -o Dir::State::Lists=$PWD/lists
			-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root"
		apt-get $own update -qq
		apt-get $own source -qq --download-only busybox >/dev/null
		tar -xf busybox_*.orig.tar.* --strip-components=1
		make -s allnoconfig >/dev/null
		for option in BUSYBOX NTPD FEATURE_IPV6; do
			sed -i "s/^# CONFIG_$option is not set/CONFIG_$option=y/" .config
		done
		yes "" | make -s oldconfig >/dev/null
		make -s >/dev/null 2>&1
	)
	mv source/busybox .
	rm -r source
}

for package in $unpack; do
	there="$unpackeddir/$package"
	rm -rf "$there.new"
	mkdir -p "$there.new"
	(
		cd "$there.new"
		if [ "$package" = busybox-ntpd ]; then
			build_busybox
			exit
		fi
		apt-get download -qq -o APT::Sandbox::User=root "$package" >/dev/null
		dpkg-deb -x "$package"_*.deb .
		rm "$package"_*.deb
	)
	mv "$there.new" "$there"
done
# Some come with a service of their own, which is not used here. What was not there before is not to run.
for pair in tgt vsftpd tftpd-hpa isc-dhcp-relay isc-dhcp-server kea-dhcp4-server kea-dhcp6-server unbound nsd knot knot-resolver:kresd@1; do
	package=${pair%%:*}
	case "$missing " in
	*" $package "*)
		systemctl disable --now "${pair##*:}" >/dev/null 2>&1 || true # also without systemd running
		echo "note: the service of $package was switched off"
		;;
	esac
done
