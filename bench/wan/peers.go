package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// alone gives what it starts a view of the machine of its own: processes, a /run, a /var/lib and a /sys that
// cannot be written to, by which networkd knows that there is no udev to wait for.
const alone = `#!/bin/sh
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -o remount,bind,ro /
mount -t tmpfs tmpfs /run
mkdir -p "$1/lib"
mount --bind "$1/lib" /var/lib
mount -t proc proc /proc
mount -t sysfs -o ro sysfs /sys
cd "$1"
shift
exec "$@"
`

// router makes a router of a namespace, as who has Debian would: masquerading follows the link.
const router = `set -e
echo 1 >/proc/sys/net/ipv4/ip_forward
nft -f - <<END
table ip nat {
	chain postrouting {
		type nat hook postrouting priority srcnat
		oifname "eth0" masquerade
	}
}
END
`

// lean is a script for udhcpc that does what must be done, and no more.
const lean = `#!/bin/sh
case $1 in
deconfig)
	ip -4 addr flush dev "$interface" ;;
bound|renew)
	ip addr replace "$ip/$mask" dev "$interface"
	ip route replace default via "$router" dev "$interface" ;;
esac
`

// follow is who starts udhcpc when there is carrier, and ends it when there is none: netifd on OpenWrt.
const follow = `ip addr add ` + lanAddr + ` dev eth1
ip link set eth1 up
ip link set eth0 up
: >ready
while read -r word; do
	case $word in
	up) busybox udhcpc -f -t 0 -i eth0 -s ./lean $ARGS & ;;
	down) kill $!; wait; interface=eth0 ./lean deconfig ;;
	renew) kill -USR1 $! ;;
	esac
done
kill $!
`

// udhcpc is busybox's client with a script.
func udhcpc(args string) func(tools, *network, string) (*instance, error) {
	return func(_ tools, n *network, dir string) (*instance, error) {
		cmd, err := isolated(n, dir, map[string]string{
			"lean": lean, "start": "#!/bin/sh\nARGS='" + args + "'\n" + router + follow,
		})
		if err != nil {
			return nil, err
		}
		words, err := cmd.StdinPipe()
		if err != nil {
			return nil, err
		}
		say := func(word string) error { _, err := io.WriteString(words, word+"\n"); return err }
		return &instance{
			cmd: cmd, ready: func() bool { return exists(filepath.Join(dir, "ready")) },
			carrier: func(up bool) { _ = say(map[bool]string{true: "up", false: "down"}[up]) },
			renew:   func(context.Context) error { return say("renew") },
			end:     words.Close,
		}, nil
	}
}

// networkd is systemd's, with a bus of its own, by which it is told to renew.
func networkd(settings string) func(tools, *network, string) (*instance, error) {
	return func(_ tools, n *network, dir string) (*instance, error) {
		const program = "/lib/systemd/systemd-networkd"
		if !exists(program) {
			return nil, errors.New("systemd-networkd is missing: apt-get install systemd")
		}
		cmd, err := isolated(n, dir, map[string]string{
			"eth0.network": "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n" +
				"[DHCPv4]\n" + settings,
			"eth1.network": "[Match]\nName=eth1\n[Network]\nAddress=" + lanAddr +
				"\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n",
			"start": "#!/bin/sh\n" + router + `mkdir -p /run/systemd/network /run/dbus
cp ./*.network /run/systemd/network/ # becoming its own user it cannot read what is here
dbus-daemon --system --fork --nopidfile
: >ready
exec ` + program + "\n",
		})
		if err != nil {
			return nil, err
		}
		return &instance{
			cmd: cmd, ready: func() bool { return exists(filepath.Join(dir, "ready")) },
			carrier: func(bool) {},
			renew: func(ctx context.Context) error {
				out, err := exec.CommandContext(ctx, "nsenter", "-t", strconv.Itoa(cmd.Process.Pid), "-m",
					"-p", "-n", "networkctl", "renew", "eth0").CombinedOutput()
				if err != nil {
					return fmt.Errorf("networkctl renew: %w: %s", err, out)
				}
				return nil
			},
		}, nil
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// isolated is the program "start" of dir, alone: it is process 1 there, so nothing that it starts outlives
// it.
func isolated(n *network, dir string, files map[string]string) (*exec.Cmd, error) {
	files["alone"] = alone
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command("nsenter", "--net=/run/netns/"+n.box, filepath.Join(dir, "alone"), dir, "./start")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS,
	}
	return cmd, nil
}
