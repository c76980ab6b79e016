package nethost

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// overlay is what the host has that no package brings.
//
//go:embed overlay
var overlay embed.FS

// packages beyond the essential ones. The cloud kernel is Debian's with the virtio, iSCSI and iBFT drivers and little else.
var packages = []string{
	"linux-image-cloud-amd64", "initramfs-tools", "busybox", "lz4", "open-iscsi", "systemd-sysv", "udev", "kmod", "iproute2",
}

// unread is what the packages bring and this host never reads.
var unread = []string{"/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*"}

// unneeded is what systemd would do in a boot that ends in a report; under TCG each costs a second. iscsid would attach
// further disks and mend a broken session, but the root's session is the kernel's and needs neither; udev has seen
// every device in the initramfs.
var unneeded = []string{
	"getty.target", "systemd-udev-trigger.service", "systemd-modules-load.service", "iscsid.socket", "iscsid.service", "open-iscsi.service",
	"systemd-random-seed.service", "systemd-update-utmp.service", "systemd-update-utmp-runlevel.service",
	"systemd-user-sessions.service", "systemd-journal-flush.service", "systemd-pstore.service",
	"modprobe@configfs.service", "modprobe@dm_mod.service", "modprobe@drm.service", "modprobe@efi_pstore.service",
	"modprobe@fuse.service", "modprobe@loop.service", "kmod-static-nodes.service",
	"dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount",
	"proc-sys-fs-binfmt_misc.automount", "e2scrub_reap.service", "fstrim.timer", "dpkg-db-backup.timer",
	"systemd-tmpfiles-clean.timer",
}

// recipe is everything that decides what the host becomes.
type recipe struct {
	codename string // of the Debian release, e.g. "bookworm"
	sources  string // one-line sources.list(5) entries
	aptConf  string // apt.conf(5) lines on how to reach them
}

// machineRecipe reads the recipe off the machine that it runs on.
func machineRecipe(ctx context.Context) (recipe, error) {
	if os.Geteuid() != 0 {
		return recipe{}, fmt.Errorf("making a Debian root needs root: run the tests as root or with sudo")
	}
	for program, pkg := range map[string]string{"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs"} {
		if _, err := exec.LookPath(program); err != nil {
			return recipe{}, fmt.Errorf("%s is missing: apt-get install %s", program, pkg)
		}
	}
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return recipe{}, fmt.Errorf("which Debian is this: %w", err)
	}
	codename := osRelease(string(release), "VERSION_CODENAME")
	sources, err := aptSources(os.DirFS("/etc/apt"), codename)
	if err != nil {
		return recipe{}, err
	}
	conf, err := exec.CommandContext(ctx, "apt-config", "dump", "Acquire").Output()
	if err != nil {
		return recipe{}, fmt.Errorf("apt-config dump: %w", err)
	}
	return recipe{codename: codename, sources: sources, aptConf: aptTransport(string(conf))}, nil
}

// arguments are mmdebstrap's. Names and addresses of the machine that it runs on must not get into the root, and the
// way to its mirror need not.
func (r recipe) arguments(root, aptConf, overlay string) []string {
	args := []string{
		"--mode=root", "--variant=essential", "--format=directory", "--quiet",
		"--aptopt=" + aptConf,
		`--aptopt=APT::Install-Recommends "false"`,
		`--aptopt=Acquire::Languages "none"`,
		"--include=" + strings.Join(packages, ","),
		// Before the kernel is installed, whose installation makes the initramfs.
		"--essential-hook=cp -r " + overlay + `/. "$1"/`,
		`--essential-hook=chmod +x "$1"/usr/local/sbin/*`,
		`--customize-hook=rm -f "$1"/etc/hostname "$1"/etc/resolv.conf "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/apt/sources.list`,
		`--customize-hook=chroot "$1" systemctl -q enable netboot-report.service`,
		`--customize-hook=chroot "$1" systemctl -q set-default basic.target`,
		`--customize-hook=chroot "$1" systemctl -q mask ` + strings.Join(unneeded, " "),
		// This is no first boot after an update: nothing is to be rebuilt.
		`--customize-hook=touch "$1"/etc/.updated "$1"/var/.updated`,
	}
	for _, path := range unread {
		args = append(args, "--dpkgopt=path-exclude="+path)
	}
	return append(args, r.codename, root, "-")
}

// debootstrap makes the root file system in the directory root.
func (r recipe) debootstrap(ctx context.Context, work, root string) error {
	files := filepath.Join(work, "overlay")
	sub, err := fs.Sub(overlay, "overlay")
	if err != nil {
		return err
	}
	if err := os.CopyFS(files, sub); err != nil {
		return err
	}
	conf := filepath.Join(work, "apt.conf")
	if err := os.WriteFile(conf, []byte(r.aptConf), 0o600); err != nil {
		return err
	}
	return run(ctx, []byte(r.sources), "mmdebstrap", r.arguments(root, conf, files)...)
}
