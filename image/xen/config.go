// Package xen renders the configuration with which xl(1) starts the appliance as a Xen domain.
//
// Config is a pure function: the same Domain gives the same text, and nothing is looked up on this machine.
// The text is meant to be read and edited by whoever runs the Xen host, so it explains itself; the keys are
// those of xl.cfg(5) of Xen 4.14 and later. It does not create disks or bridges.
package xen

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/xl"
)

// Domain is the appliance as a Xen host sees it. Paths are those on the Xen host (dom0), absolute.
type Domain struct {
	Name     string // of the domain; the appliance's own name
	Kernel   string // path of the kernel; empty: it is on the root disk, with a menu for GRUB
	Disk     string // path of the root disk
	PermDisk string // path of the disk labelled perm; empty: none yet, the line is there as a comment
	MemoryMB int    // of the guest, in MiB
	VCPUs    int
	Args     string // further kernel arguments; empty: none
	Vifs     []Vif  // in the order in which the guest numbers them: eth0, eth1, …
}

// Vif is one network card of the domain.
type Vif struct {
	Bridge  string // of the Xen host
	MAC     string // see MAC
	Comment string // what it is for, one line
}

// MAC returns the address for the network card iface of the appliance name.domain, from the block
// 00:16:3e that is assigned to Xen. It is derived from the names, so that it stays the same from one build
// to the next: the provider's DHCP server and switches see the same machine.
func MAC(name, domain, iface string) string {
	h := sha256.Sum256([]byte(name + "." + domain + " " + iface))
	return fmt.Sprintf("00:16:3e:%02x:%02x:%02x", h[0], h[1], h[2])
}

// KernelArgs is the kernel's command line in a domain; with perm a missing perm disk is a fault that is told.
func KernelArgs(perm bool) string {
	args := "root=/dev/xvda ro console=hvc0 quiet"
	if perm {
		args += " gatehouse.perm=disk"
	}
	return args
}

// printer writes one line.
type printer func(format string, args ...any)

// Config renders the file for xl create.
func Config(d Domain) string {
	var b strings.Builder
	line := printer(func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) })
	line("# %s: a router and firewall as a Xen domain, for xl(1). The keys are explained in xl.cfg(5), the rest in docs/xen.md.", d.Name)
	line("# Each build of the image writes this file anew: keep what you change in a copy of it.")
	line("#")
	line("#   xl create -c FILE     start it and watch its console (leave with Ctrl-])")
	line("#   xl console %-10s its console later on: a root shell, unless the site locks it", d.Name)
	line("#   xl shutdown %-9s end it in good order", d.Name)
	line("#")
	line("# To start it with the Xen host, link your copy into /etc/xen/auto under a name that sorts before those of the domains")
	line("# that need it, such as 00-%s.cfg.", d.Name)
	line("")
	line("name   = %s", xl.Quote(d.Name))
	start(line, d)
	size(line, d)
	disks(line, d)
	vifs(line, d.Vifs)
	ends(line)
	return b.String()
}

// start is how the kernel gets into the domain.
func start(line printer, d Domain) {
	if d.Kernel == "" {
		line("")
		line("# The kernel and its command line are on the root disk. Here pygrub reads them from it, in dom0. The other way, for pvh")
		line("# alone, is GRUB inside the domain, from Debian's package grub-xen-host: that line in place of the bootloader.")
		line("bootloader = %s", xl.Quote("pygrub"))
		line("#kernel    = %s", xl.Quote("/usr/lib/grub-xen/grub-i386-xen_pvh.bin"))
	} else {
		line("kernel = %s", xl.Quote(d.Kernel))
	}
	line("")
	line("# PVH needs a CPU with VT-x or AMD-V. The same kernel and disk also run without: put pv in its place.")
	line("type   = %s", xl.Quote("pvh"))
	line("#type  = %s", xl.Quote("pv"))
	if d.Kernel == "" {
		if d.Args != "" {
			line("")
			line("# Added to what is on the disk.")
			line("cmdline = %s", xl.Quote(d.Args))
		}
		return
	}
	line("")
	line("# The root disk is checked at boot and then mounted read-only unless /perm has to live on it.")
	if d.PermDisk != "" {
		line("# With gatehouse.perm=disk a missing perm disk is a fault that is told; without, xvda takes its place.")
	}
	line("cmdline = %s", xl.Quote(strings.TrimSpace(KernelArgs(d.PermDisk != "")+" "+d.Args)))
}

func size(line printer, d Domain) {
	line("")
	line("# 96 MB are enough for a small network. Up to maxmem, xl mem-set can give it more while it runs; the kernel keeps")
	line("# 1/64 of that for itself from the start.")
	line("memory  = %d", d.MemoryMB)
	line("#maxmem = %d", 2*d.MemoryMB)
	line("vcpus   = %d", d.VCPUs)
	line("# Its share when the CPUs of the Xen host are busy: 256 is everybody's, and everybody waits for a router.")
	line("#cpu_weight = 512")
}

func disks(line printer, d Domain) {
	perm, mark := d.PermDisk, ""
	if perm == "" {
		perm, mark = "/path/to/perm.ext2", "#"
	}
	line("")
	line("# xvda is replaced by each new image. xvdb holds what must last (leases, ssh host keys): any disk with an")
	line("# ext3 or ext4 file system labelled perm. Without it these live on xvda and are lost with it. To make one:")
	line("#   truncate -s 64M %s && mke2fs -q -t ext4 -b 4096 -L perm %[1]s", shellQuote(perm))
	line("# A block device is given as target=/dev/vg0/firewall in the same way as a file.")
	line("disk = [")
	line("  %s,", xl.Quote("vdev=xvda, format=raw, access=rw, target="+d.Disk))
	line("%s  %s,", mark, xl.Quote("vdev=xvdb, format=raw, access=rw, target="+perm))
	line("]")
}

func vifs(line printer, vifs []Vif) {
	line("")
	line("# The first card is eth0 in the guest, the second eth1. The bridges are those of this Xen host (bridge-utils-")
	line("# interfaces(5)): put yours. The one to the provider needs the cable and nothing else, no address of dom0 either.")
	line("# The MAC addresses are derived from the appliance's name and stay the same.")
	line("vif = [")
	for i, v := range vifs {
		line("  %s,  # eth%d: %s", xl.Quote("mac="+v.MAC+", bridge="+v.Bridge), i, v.Comment)
	}
	line("]")
}

// ends says what follows each kind of end.
func ends(line printer) {
	line("")
	line("# What follows each kind of end. Its init feeds Xen's watchdog while the services answer that the network cannot do")
	line("# without; gatehouse.watchdog=off on the kernel's command line stops that. In place of \"restart\", \"preserve\" keeps a")
	line("# dead domain for a look with xl console and xl dump-core, until xl destroy.")
	line("on_poweroff = %s", xl.Quote("destroy"))
	line("on_reboot   = %s", xl.Quote("restart"))
	line("on_crash    = %s", xl.Quote("restart"))
	line("on_watchdog = %s", xl.Quote("restart"))
}

// shellQuote makes one word for sh of s if s is more than a plain path.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return !strings.ContainsRune("/._-+:@%=,", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') &&
			(r < 'a' || r > 'z')
	}
	if strings.IndexFunc(s, plain) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
