package image

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/image/xen"
	"github.com/gatehouse-os/gatehouse/site"
	"github.com/gatehouse-os/gatehouse/site/xl"
)

// The names of the files of an image.
const (
	RootFile     = "firewall.ext2"
	PermFile     = "perm.ext2"
	KernelFile   = "vmlinuz"
	DomainFile   = "firewall.cfg"
	ManifestFile = "manifest.json"
)

// maxCards bounds what a site can ask of one virtual machine.
const maxCards = 16

// Domain returns the Xen domain that runs the image whose files lie in dir, an absolute path. The guest
// numbers its cards in the order of the list, so one that the site leaves out gets a place too. The error
// names an interface that no card will ever be called.
func Domain(s *site.Site, dir string) (xen.Domain, error) {
	uses, err := cards(s)
	if err != nil {
		return xen.Domain{}, err
	}
	d := xen.Domain{
		Name: s.Name, MemoryMB: 128, VCPUs: 1,
		Kernel: path.Join(dir, KernelFile), Disk: path.Join(dir, RootFile),
		PermDisk: path.Join(dir, PermFile),
	}
	for i, use := range uses {
		card := fmt.Sprintf("eth%d", i)
		d.Vifs = append(d.Vifs, xen.Vif{
			Bridge: xl.Bridge(card), MAC: xen.MAC(s.Name, s.Domain, card),
			Comment: cmp.Or(strings.Join(use, "; "), "not used by the site"),
		})
	}
	return d, nil
}

// cards returns what the site uses eth0, eth1, … for, up to the last one that it names.
func cards(s *site.Site) ([][]string, error) {
	var uses [][]string
	use := func(iface, name string, vlan uint16, addrs ...netip.Prefix) error {
		n, err := strconv.Atoi(strings.TrimPrefix(iface, "eth"))
		if err != nil || n < 0 || n >= maxCards || iface != fmt.Sprintf("eth%d", n) {
			return fmt.Errorf("interface %q: the appliance's cards are called eth0 to eth%d", iface,
				maxCards-1)
		}
		if vlan != 0 {
			name += fmt.Sprintf(" (vlan %d)", vlan)
		}
		for _, a := range addrs {
			if a.IsValid() {
				name += ", " + a.String()
			}
		}
		uses = append(uses, make([][]string, max(0, n+1-len(uses)))...)
		uses[n] = append(uses[n], name)
		return nil
	}
	var errs []error
	if w := s.WAN; w.Interface != "" {
		errs = append(errs, use(w.Interface, "wan", w.VLAN, w.IPv4, w.IPv6))
	}
	for _, l := range s.LANs {
		errs = append(errs, use(l.Interface, l.Name, l.VLAN, l.Own()...))
	}
	return uses, errors.Join(errs...)
}
