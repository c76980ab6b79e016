package xen

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gatehouse-os/gatehouse/image/vmtest"
	"github.com/gatehouse-os/gatehouse/image/vmtest/debian"
)

// overlay is the configuration of the peer: the network of the reference site, as the packages' own files say
// it.
//
//go:embed overlay
var overlay embed.FS

// peer is the Debian that does the same work: the programs that people otherwise build a router from, and
// nothing else.
func peer() (debian.Recipe, error) {
	files, err := fs.Sub(overlay, "overlay")
	return debian.Recipe{
		Name: "peer",
		Packages: []string{
			"linux-image-amd64", "initramfs-tools", "busybox", "lz4", "systemd-sysv", "udev", "ifupdown", "iproute2", "procps",
			"dnsmasq", "radvd", "chrony", "nftables", "openssh-server",
		},
		Unread:  []string{"/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*"},
		Overlay: files,
		Options: []string{
			// The files of the overlay are there before the packages that own them.
			`--dpkgopt=force-confold`,
			`--customize-hook=chroot "$1" systemctl -q enable nftables.service`,
			`--customize-hook=chroot "$1" systemctl -q mask getty@tty1.service`,
			`--customize-hook=chroot "$1" passwd -q -d root`,
			`--customize-hook=echo firewall >"$1"/etc/hostname`,
		},
		Files: map[string]string{"vmlinuz": "boot/vmlinuz-*", "initrd": "boot/initrd.img-*"},
		Size:  "1G",
	}, err
}

// peerConfig is an xl configuration for the peer, with the memory that it is content with.
const peerConfig = `name = "peer"
type = "pvh"
kernel = "%[1]s/vmlinuz"
ramdisk = "%[1]s/initrd"
cmdline = "root=/dev/xvda ro console=hvc0 quiet net.ifnames=0"
memory = 256
disk = [ "vdev=xvda, format=raw, access=rw, target=%[1]s/root.ext4" ]
vif = [ "mac=00:16:3e:20:00:f0, bridge=xenbr0", "mac=00:16:3e:20:00:f1, bridge=xenbr1" ]
`

// buildPeer puts the peer's files and configuration into a new directory. Who has the key may log in to it.
func buildPeer(ctx context.Context, dir, key string) (guest, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return guest{}, err
	}
	r, err := peer()
	if err != nil {
		return guest{}, err
	}
	parts, err := r.Make(ctx, filepath.Join(cache, "gatehouse"))
	if err != nil {
		return guest{}, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return guest{}, err
	}
	g := guest{name: "Debian", domain: "peer", config: filepath.Join(dir, "peer.cfg"), login: "root"}
	for _, name := range []string{debian.Disk, "vmlinuz", "initrd"} {
		g.files = append(g.files, filepath.Join(dir, name))
		if err := vmtest.CopyDisk(ctx, filepath.Join(parts, name), filepath.Join(dir, name)); err != nil {
			return guest{}, err
		}
	}
	authorize := exec.CommandContext(ctx, "debugfs", "-w", "-f", "-", g.files[0])
	authorize.Stdin = strings.NewReader("mkdir /root/.ssh\nwrite " + key + " /root/.ssh/authorized_keys\n")
	if out, err := authorize.CombinedOutput(); err != nil {
		return guest{}, fmt.Errorf("debugfs: %w: %s", err, out)
	}
	return g, os.WriteFile(g.config, fmt.Appendf(nil, peerConfig, dir), 0o644)
}
