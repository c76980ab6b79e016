package xl

import (
	"fmt"
	"strings"

	"github.com/gatehouse-os/gatehouse/site"
)

// files is where the kernel and the initramfs of a domain without firmware are
// taken to lie on the Xen host.
const files = "/srv/netboot"

// guest is a host of the site as a domain.
type guest struct {
	host site.Host
	site *site.Site
	mac  site.MAC
	lan  site.LAN
	kind Type
}

// Netboot renders the configuration with which xl create starts a host of s that
// boots from the network. mac is the card that the domain gets; the zero MAC means
// the host's only one. What of the site is in the way is the error.
func Netboot(s *site.Site, h site.Host, mac site.MAC, kind Type) (string, error) {
	g := guest{host: h, site: s, mac: mac, kind: kind}
	n := h.Netboot
	switch {
	case s.Netboot == nil:
		return "", fmt.Errorf("%s does not boot from the network: the site has no [netboot]", h.Name)
	case n == nil:
		return "", fmt.Errorf("%s does not boot from the network: no pattern of hosts under [netboot] in site.toml matches it", h.Name)
	case len(h.MACs) == 0:
		return "", fmt.Errorf("%s has no card: expected a line with its MAC in ethers", h.Name)
	case mac == site.MAC{} && len(h.MACs) > 1:
		return "", fmt.Errorf("%s has several cards; expected the MAC of the one that the domain gets, in place of the name: %s", h.Name, list(h.MACs))
	case kind != HVM && n.RootPath == "":
		return "", fmt.Errorf("%s has no iSCSI disk to put on the command line of a %s domain: the site has no root-path under [netboot]", h.Name, kind)
	case kind != HVM && n.CHAP != nil:
		return "", fmt.Errorf("the target of %s wants a proof (chap-user), and its secret does not belong on a command line, where "+
			"whoever is on the Xen host can read it; expected type hvm", h.Name)
	case kind != HVM && n.Install:
		return "", fmt.Errorf("%s is being installed (install = true), which is for iPXE to start; expected type hvm", h.Name)
	case kind != HVM && strings.Contains(n.RootPath, "["):
		return "", fmt.Errorf("the root path %s has an IPv6 server, which an initramfs does not read from its command line; expected type hvm", n.RootPath)
	}
	if mac == (site.MAC{}) {
		g.mac = h.MACs[0]
	}
	var err error
	if g.lan, err = lanOf(s, h); err != nil {
		return "", err
	}
	return g.config(), nil
}

func list(macs []site.MAC) string {
	var words []string
	for _, m := range macs {
		words = append(words, m.String())
	}
	return strings.Join(words, " ")
}

// lanOf is the LAN that the host boots on: of several, the one that the server is
// on too.
func lanOf(s *site.Site, h site.Host) (site.LAN, error) {
	best := -1
	for i, l := range s.LANs {
		if h.AddrIn(l.IPv4).IsValid() &&
			(best < 0 || l.IPv4.Contains(h.Netboot.Server) && !s.LANs[best].IPv4.Contains(h.Netboot.Server)) {
			best = i
		}
	}
	if best < 0 {
		return site.LAN{}, fmt.Errorf("%s has no address on a LAN of %s, so its bridge cannot be told",
			h.Name, s.Name)
	}
	return s.LANs[best], nil
}

// config is the text. It is read and edited by whoever runs the Xen host.
func (g guest) config() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# %s: a Xen domain without a disk of its own, for xl(1); the keys are explained in xl.cfg(5).",
		g.host.Name)
	line("# Made from the site of %s.%s by: gatehouse host %s --xl=%s", g.site.Name, g.site.Domain,
		g.host.Name, g.kind)
	line("#")
	line("#   xl create -c FILE     start it and watch its console (leave with Ctrl-])")
	line("#")
	g.facts(line)
	line("")
	line("name   = %s", Quote(g.host.Name))
	if g.kind == PVH {
		line("type   = %s  # %s on a CPU without VT-x or AMD-V", Quote("pvh"), Quote("pv"))
	} else {
		line("type   = %s", Quote(string(g.kind)))
	}
	line("")
	line("memory = 1024")
	line("vcpus  = 1")
	line("")
	if g.kind == HVM {
		g.firmware(line)
	} else {
		g.kernel(line)
	}
	g.vif(line)
	line("")
	line("on_poweroff = %s", Quote("destroy"))
	line("on_reboot   = %s", Quote("restart"))
	line("on_crash    = %s", Quote("restart"))
	return b.String()
}

// facts are what the domain is told over the network.
func (g guest) facts(line func(string, ...any)) {
	line("# By its MAC address the DHCP server of %s knows it, and tells it:", g.site.Name)
	n := g.host.Netboot
	for _, fact := range [][2]string{{"address", g.host.AddrIn(g.lan.IPv4).String()},
		{"root path", n.RootPath}, {"initiator", n.Initiator}, {"script", n.Script}} {
		if fact[1] != "" {
			line("#   %-10s  %s", fact[0], fact[1])
		}
	}
}

// firmware is how a machine of its own gets to the network.
func (g guest) firmware(line func(string, ...any)) {
	line("# The ROM of the emulated card is iPXE (Debian's package qemu-system-xen in dom0 brings both): it asks for an address,")
	line("# attaches the disk and runs the script. xl vncviewer %s shows the screen on which it says so; Linux is on", g.host.Name)
	line("# xl console too if the script's kernel line has console=ttyS0.")
	line("boot   = %s", Quote("n"))
	line("serial = %s", Quote("pty"))
	line("# UEFI in place of a BIOS (package ovmf):")
	line("#firmware = %s", Quote("ovmf"))
}

// kernel is how a domain without firmware gets to the network.
func (g guest) kernel(line func(string, ...any)) {
	n := g.host.Netboot
	initiator := func(word string) string {
		if n.Initiator == "" {
			return ""
		}
		return " " + word + "=" + n.Initiator
	}
	line("# Such a domain has no firmware that could boot from the network, and iPXE's part is done here. Kernel and initramfs")
	line("# are copies of those on the disk, in /boot: renew them when they are. The type hvm (--xl) needs no copies.")
	line("kernel  = %s", Quote(files+"/vmlinuz"))
	line("ramdisk = %s", Quote(files+"/initrd.img"))
	line("")
	line("# For Debian's initramfs, made with the package open-iscsi. A disk with partitions needs another root= behind the")
	line("# first, such as root=LABEL=root.")
	line("cmdline = %s", Quote("root="+n.RootPath+initiator("iscsi_initiator")+" ip=dhcp ro console=hvc0"))
	line("# For one made by dracut:")
	line("#cmdline = %s", Quote("netroot="+n.RootPath+initiator("rd.iscsi.initiator")+" rd.neednet=1 ip=dhcp root=LABEL=root ro console=hvc0"))
}

// vif is the card. Bridges of a VLAN have names that only the Xen host knows.
func (g guest) vif(line func(string, ...any)) {
	bridge, spec := Bridge(g.lan.Interface), "mac="+g.mac.String()+", bridge="
	line("")
	if g.lan.VLAN != 0 {
		line("# %s is VLAN %d of the bridge %s, as Open vSwitch is told; with Linux bridges, name the bridge of this VLAN.", g.lan.Name, g.lan.VLAN, bridge)
		bridge = fmt.Sprintf("%s.%d", bridge, g.lan.VLAN)
	} else {
		line("# The bridge that %s has its %s on (%s), as its own configuration names it.", g.site.Name,
			g.lan.Interface, g.lan.Name)
	}
	if g.kind == HVM {
		line("# Once it runs, Linux drives the same card, with the same MAC address, through Xen's own driver.")
		bridge += ", model=e1000"
	}
	line("vif = [ %s ]", Quote(spec+bridge))
}
