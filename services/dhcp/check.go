package dhcp

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/packet"
)

// Bounds of what fits into one option, or of what some client takes.
const (
	maxOption    = 255
	maxAddrs     = 16  // per option; nobody uses more
	maxInitiator = 223 // RFC 3720 3.2.6.1
)

// check returns everything that is wrong with the Config, joined.
func (c *Config) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Subnets) == 0 {
		bad("no subnet to serve")
	}
	for i := range c.Subnets {
		sub := &c.Subnets[i]
		sub.check(func(format string, args ...any) { bad("subnet %s: "+format, append([]any{sub.Name}, args...)...) })
		for _, other := range c.Subnets[:i] {
			if other.Interface == sub.Interface {
				bad("subnets %s and %s are both on %s", other.Name, sub.Name, sub.Interface)
			}
			if other.Prefix.Overlaps(sub.Prefix) {
				bad("subnets %s and %s overlap", other.Name, sub.Name)
			}
		}
	}
	cards := make(map[lease.MAC]string)
	for i := range c.Hosts {
		h := &c.Hosts[i]
		bad := func(format string, args ...any) { bad("host %s: "+format, append([]any{h.Name}, args...)...) }
		h.check(bad)
		c.checkPlace(h, bad)
		for _, mac := range h.MACs {
			if other, ok := cards[mac]; ok {
				bad("card %s is also %s's", mac, other)
			}
			cards[mac] = h.Name
		}
	}
	return errors.Join(errs...)
}

// checkPlace finds addresses that no client can have.
func (c *Config) checkPlace(h *Host, bad func(string, ...any)) {
	for _, sub := range c.Subnets {
		for _, a := range h.Addrs {
			if len(h.MACs) > 0 && (a == sub.Address || sub.Prefix.Contains(a) && (a == sub.Prefix.Addr() || a == lastAddr(sub.Prefix))) {
				bad("%s cannot be a client's: it is the server's own, the network's or the broadcast address of %s", a, sub.Name)
			}
		}
	}
}

func (c *Subnet) check(bad func(string, ...any)) {
	if c.Interface == "" {
		bad("no interface")
	}
	if !c.Prefix.Addr().Is4() || c.Prefix != c.Prefix.Masked() || c.Prefix.Bits() < 1 || c.Prefix.Bits() > 30 {
		bad("prefix %s: want an IPv4 network, /1 to /30", c.Prefix)
		return
	}
	if !c.Prefix.Contains(c.Address) {
		bad("our address %s is not in %s", c.Address, c.Prefix)
	}
	if c.Router.IsValid() && !c.Prefix.Contains(c.Router) {
		bad("router %s is not in %s", c.Router, c.Prefix)
	}
	for _, list := range [][]netip.Addr{c.DNS, c.NTP} {
		if len(list) > maxAddrs {
			bad("%d servers in one option, want at most %d", len(list), maxAddrs)
		}
	}
	for _, r := range c.Pool {
		if !c.Prefix.Contains(r.First) || !c.Prefix.Contains(r.Last) {
			bad("pool %s-%s is not in %s", r.First, r.Last, c.Prefix)
		}
	}
	if c.LeaseTime < MinLeaseTime || c.LeaseTime%time.Second != 0 || c.LeaseTime/time.Second >= math.MaxUint32 {
		bad("lease time %s: want whole seconds, %s at least, less than 2^32", c.LeaseTime, MinLeaseTime)
	}
	if c.Domain != "" && !isDomain(c.Domain) {
		bad("domain %q is no domain name", c.Domain)
	}
}

func (h *Host) check(bad func(string, ...any)) {
	if !isLabel(h.Name) {
		bad("the name is no host name without dots")
	}
	for _, mac := range h.MACs {
		if !mac.IsUnicast() {
			bad("card %s: want the address of one card", mac)
		}
	}
	if n := h.Netboot; n != nil {
		n.check(bad)
	}
}

func (n *Netboot) check(bad func(string, ...any)) {
	if n.Server.IsValid() && !n.Server.Is4() {
		bad("boot server %s: want an IPv4 address", n.Server)
	}
	for _, f := range []struct {
		what, value string
		most        int
	}{
		{"root path", n.RootPath, maxOption}, // edk2 reads no second piece
		{"initiator", n.Initiator, maxInitiator},
		{"script", n.Script, maxOption},
		{"BIOS file", n.BIOS, packet.MaxFile},
		{"UEFI file", n.UEFI, packet.MaxFile},
		{"ARM64 UEFI file", n.UEFIARM64, packet.MaxFile},
	} {
		if len(f.value) > f.most {
			bad("%s is %d bytes long, clients take %d", f.what, len(f.value), f.most)
		}
		if strings.ContainsFunc(f.value, func(r rune) bool { return r <= ' ' || r > '~' }) {
			bad("%s %q: want printable ASCII without spaces", f.what, f.value)
		}
	}
}

func isDomain(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}
