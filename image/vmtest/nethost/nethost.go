// Package nethost makes the host behind the appliance that boots from the network, and the store it boots
// from.
//
// The host is a real Debian, made by mmdebstrap from the mirrors this machine itself uses: one root file
// system that holds no name, address or target of its own, so the same disk serves every host and what it
// says after booting can only have come from DHCP and what iPXE or Xen told its kernel. It reports one
// NETBOOT-OK line on its console and powers off. The store is tgtd, which runs wholly in user space, and an
// HTTP server.
//
// The package is for tests and needs root. Making a root takes about half a minute; package debian keeps it
// in a cache.
package nethost

import (
	"context"
	"embed"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/gatehouse-os/gatehouse/image/vmtest/debian"
)

// Host is a finished Debian: the files that a store publishes for it.
type Host struct {
	Disk   string // an ext4 file system labelled Label, not to be written to: copy it
	Kernel string // its vmlinuz
	Initrd string // its initramfs, with everything that an iSCSI root needs
}

// Label is the label of the root file system, for root=LABEL=… on the kernel's command line.
const Label = "nethost"

// overlay is what the host has that no package brings.
//
//go:embed overlay
var overlay embed.FS

// unneeded is what systemd would do in a boot that ends in a report; under TCG each costs a second. iscsid
// would attach further disks and mend a broken session, but the root's session is the kernel's and needs
// neither; udev has seen every device in the initramfs.
var unneeded = []string{
	"getty.target", "systemd-udev-trigger.service", "systemd-modules-load.service", "iscsid.socket",
	"iscsid.service", "open-iscsi.service", "systemd-random-seed.service", "systemd-update-utmp.service",
	"systemd-update-utmp-runlevel.service", "systemd-user-sessions.service", "systemd-journal-flush.service",
	"systemd-pstore.service", "modprobe@configfs.service", "modprobe@dm_mod.service", "modprobe@drm.service",
	"modprobe@efi_pstore.service", "modprobe@fuse.service", "modprobe@loop.service", "kmod-static-nodes.service",
	"dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount",
	"proc-sys-fs-binfmt_misc.automount", "e2scrub_reap.service", "fstrim.timer", "dpkg-db-backup.timer",
	"systemd-tmpfiles-clean.timer",
}

// recipe is the host's disk. Debian's standard kernel runs as a virtual machine of QEMU and of Xen alike;
// drivers of real hardware are left out.
func recipe() (debian.Recipe, error) {
	files, err := fs.Sub(overlay, "overlay")
	modules := "/lib/modules/*/kernel/"
	return debian.Recipe{
		Name: "nethost",
		Packages: []string{
			"linux-image-amd64", "initramfs-tools", "busybox", "lz4", "open-iscsi", "systemd-sysv", "udev",
			"kmod", "iproute2",
		},
		Unread: []string{
			"/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", modules + "sound/*",
			modules + "drivers/gpu/*", modules + "drivers/media/*", modules + "drivers/usb/*",
			modules + "drivers/net/ethernet/*", modules + "drivers/net/wireless/*",
			modules + "drivers/infiniband/*",
		},
		Overlay: files,
		Options: []string{
			`--customize-hook=chroot "$1" systemctl -q enable netboot-report.service`,
			`--customize-hook=chroot "$1" systemctl -q set-default basic.target`,
			`--customize-hook=chroot "$1" systemctl -q mask ` + strings.Join(unneeded, " "),
			// This is no first boot after an update: nothing is to be rebuilt.
			`--customize-hook=touch "$1"/etc/.updated "$1"/var/.updated`,
		},
		Files: map[string]string{"vmlinuz": "boot/vmlinuz-*", "initrd": "boot/initrd.img-*"},
		Ext4:  []string{"-L", Label}, Size: "600M",
	}, err
}

// Build returns the host from the cache directory, making it there first when it is missing: see
// debian.Recipe.Make.
func Build(ctx context.Context, cache string) (Host, error) {
	r, err := recipe()
	if err != nil {
		return Host{}, err
	}
	dir, err := r.Make(ctx, cache)
	return Host{
		Disk:   filepath.Join(dir, debian.Disk),
		Kernel: filepath.Join(dir, "vmlinuz"),
		Initrd: filepath.Join(dir, "initrd"),
	}, err
}
