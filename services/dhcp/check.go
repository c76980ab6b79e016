package dhcp

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// Check reports why no server can be made of c.
func (c Config) Check() error {
	_, err := New(c)
	return err
}

// Bounds of what fits into one option, or of what some client takes.
const (
	maxOption    = 255
	maxAddrs     = 16  // per option; nobody uses more
	maxInitiator = 223 // RFC 3720 3.2.6.1
	minMTU       = 68  // RFC 2132 5.1
	maxProbe     = 2 * time.Second
)

// check returns everything that is wrong with the Config, joined.
func (c *Config) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !slices.ContainsFunc(c.Subnets, func(s Subnet) bool { return !s.Relayed }) {
		bad("no subnet to serve on a link")
	}
	for i := range c.Subnets {
		sub := &c.Subnets[i]
		sub.check(func(format string, args ...any) {
			bad("subnet %s: "+format, append([]any{sub.Name}, args...)...)
		})
		for _, other := range c.Subnets[:i] {
			if other.Interface == sub.Interface && !sub.Relayed {
				bad("subnets %s and %s are both on %s", other.Name, sub.Name, sub.Interface)
			}
			if other.Prefix.Overlaps(sub.Prefix) {
				bad("subnets %s and %s overlap", other.Name, sub.Name)
			}
		}
	}
	cards, places := make(map[lease.MAC]string, len(c.Hosts)), make(map[portKey]string)
	for i := range c.Hosts {
		h := &c.Hosts[i]
		bad := func(format string, args ...any) { bad("host %s: "+format, append([]any{h.Name}, args...)...) }
		h.check(bad)
		c.checkPlace(h, bad)
		c.checkRouter(h, bad)
		for _, mac := range h.MACs {
			if other, ok := cards[mac]; ok {
				bad("card %s is also %s's", mac, other)
			}
			cards[mac] = h.Name
		}
		for _, p := range h.Ports {
			if other, ok := places[p.key()]; ok {
				bad("port %x/%x is also %s's", p.Circuit, p.Remote, other)
			}
			places[p.key()] = h.Name
		}
	}
	return errors.Join(errs...)
}

// checkPlace finds addresses that no client can have.
func (c *Config) checkPlace(h *Host, bad func(string, ...any)) {
	for _, sub := range c.Subnets {
		for _, a := range h.Addrs {
			ends := sub.Prefix.Contains(a) && (a == sub.Prefix.Addr() || a == lastAddr(sub.Prefix))
			if h.asks() && (a == sub.Address || ends) {
				bad("%s cannot be a client's: it is the server's own, the network's or the broadcast address of %s", a, sub.Name)
			}
		}
	}
}

func (c *Config) checkRouter(h *Host, bad func(string, ...any)) {
	switch {
	case !h.Router.IsValid():
	case h.NoRouter:
		bad("router %s, and none: want one or the other", h.Router)
	case !h.Router.Is4() || !slices.ContainsFunc(c.Subnets, func(sub Subnet) bool {
		return sub.Prefix.Contains(h.Router)
	}):
		bad("router %s is in no subnet", h.Router)
	}
}

func (c *Subnet) check(bad func(string, ...any)) {
	if c.Interface == "" && !c.Relayed {
		bad("no interface")
	}
	if c.Interface != "" && c.Relayed {
		bad("it is relayed and on interface %s: want one or the other", c.Interface)
	}
	if !c.Prefix.Addr().Is4() || c.Prefix != c.Prefix.Masked() || c.Prefix.Bits() < 1 ||
		c.Prefix.Bits() > 30 {
		bad("prefix %s: want an IPv4 network, /1 to /30", c.Prefix)
		return
	}
	if !c.Relayed && !c.Prefix.Contains(c.Address) {
		bad("our address %s is not in %s", c.Address, c.Prefix)
	}
	if c.Relayed && c.Address.IsValid() && !c.Address.Is4() {
		bad("our address %s: want an IPv4 address", c.Address)
	}
	if c.Router.IsValid() && !c.Prefix.Contains(c.Router) {
		bad("router %s is not in %s", c.Router, c.Prefix)
	}
	for _, r := range c.Pool {
		if !c.Prefix.Contains(r.First) || !c.Prefix.Contains(r.Last) {
			bad("pool %s-%s is not in %s", r.First, r.Last, c.Prefix)
		}
	}
	for _, r := range c.Exclude {
		if !r.First.Is4() || !r.Last.Is4() {
			bad("excluded %s-%s: want IPv4 addresses", r.First, r.Last)
		}
	}
	checkLife(c.LeaseTime, bad)
	if c.Probe < 0 || c.Probe > maxProbe {
		bad("probe for %s: want at most %s, clients do not wait", c.Probe, maxProbe)
	}
	c.checkTold(bad)
}

// checkTold checks what clients are told.
func (c *Subnet) checkTold(bad func(string, ...any)) {
	for _, list := range [][]netip.Addr{c.DNS, c.NTP} {
		if len(list) > maxAddrs {
			bad("%d servers in one option, want at most %d", len(list), maxAddrs)
		}
	}
	for _, d := range append(slices.Clone(c.Search), c.Domain) {
		if d != "" && !option.IsDomain(d) {
			bad("domain %q is no domain name", d)
		}
	}
	for _, r := range c.Routes {
		if !r.To.Addr().Is4() || r.To != r.To.Masked() {
			bad("route to %s: want an IPv4 network", r.To)
		}
		if r.Via.IsValid() && !c.Prefix.Contains(r.Via) {
			bad("route to %s: router %s is not in %s", r.To, r.Via, c.Prefix)
		}
	}
	if c.MTU > 0 && c.MTU < minMTU {
		bad("MTU %d: want at least %d", c.MTU, minMTU)
	}
	checkText("captive portal", c.CaptivePortal, maxOption, bad)
	w := c.IPv6OnlyWait
	if w != 0 && (w < MinIPv6OnlyWait || w%time.Second != 0 || w/time.Second > math.MaxUint32) {
		bad("IPv6-only wait %s: want whole seconds, %s at least", w, MinIPv6OnlyWait)
	}
	checkOptions(c.Options, bad)
}

func checkLife(d time.Duration, bad func(string, ...any)) {
	if d < MinLeaseTime || d%time.Second != 0 || d > MaxLeaseTime {
		bad("lease time %s: want whole seconds from %s to %s", d, MinLeaseTime, MaxLeaseTime)
	}
}

// checkOptions refuses options that are the server's own business.
func checkOptions(options []Option, bad func(string, ...any)) {
	var seen [256]bool
	for _, o := range options {
		if option.ServersOwn(o.Code) {
			bad("option %d is the server's own to send", o.Code)
		}
		if len(o.Data) > option.MaxValue {
			bad("option %d is %d bytes long, want at most %d", o.Code, len(o.Data), option.MaxValue)
		}
		if o.Code == packet.OptionEtherboot && !option.IsWithin(o.Data) {
			bad("option %d is to be options within it, each a code, a length and a value", o.Code)
		}
		if seen[o.Code] {
			bad("option %d is there twice", o.Code)
		}
		seen[o.Code] = true
	}
}

func (h *Host) check(bad func(string, ...any)) {
	if h.asks() && !option.IsLabel(h.Name) {
		bad("the name is no host name without dots")
	}
	for _, mac := range h.MACs {
		if !mac.IsUnicast() {
			bad("card %s: want the address of one card", mac)
		}
	}
	for _, p := range h.Ports {
		if n := max(len(p.Circuit), len(p.Remote)); n == 0 || n > maxOption {
			bad("port %x/%x: want a circuit or a remote identifier, of at most %d bytes", p.Circuit, p.Remote,
				maxOption)
		}
	}
	if h.LeaseTime != 0 {
		checkLife(h.LeaseTime, bad)
	}
	checkOptions(h.Options, bad)
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
		{"second root path", n.RootPath2, maxOption},
		{"initiator", n.Initiator, maxInitiator},
		{"script", n.Script, maxOption},
		{"BIOS file", n.BIOS, packet.MaxFile},
		{"UEFI file", n.UEFI, packet.MaxFile},
		{"ARM64 UEFI file", n.UEFIARM64, packet.MaxFile},
		{"HTTP prefix", n.HTTP, maxOption - packet.MaxFile},
	} {
		checkText(f.what, f.value, f.most, bad)
	}
	for a, f := range n.Files {
		most := packet.MaxFile
		if _, http := a.overHTTP(); http {
			most = maxOption
		}
		checkText("file for "+a.String(), f, most, bad)
	}
	n.CHAP.check(bad)
	for _, p := range []string{n.RootPath, n.RootPath2} {
		if err := checkRootPath(p); err != nil {
			bad("root path %q: %w", p, err)
		}
	}
}

// check says what is wrong without a secret in it.
func (c *CHAP) check(bad func(string, ...any)) {
	if c == nil {
		return
	}
	var e encapsulation
	c.addTo(&e)
	for _, s := range []string{c.User, c.Secret, c.TargetUser, c.TargetSecret} {
		if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
			bad("CHAP: want names and secrets of printable ASCII without spaces")
			break
		}
	}
	switch {
	case c.User == "" || c.Secret == "" || (c.TargetUser == "") != (c.TargetSecret == ""):
		bad("CHAP: want a name and a secret, or both twice")
	case c.Secret == c.TargetSecret:
		bad("CHAP: host and target have the same secret, want two (RFC 7143 12.1.3)")
	case e.full:
		bad("CHAP: names and secrets do not fit into an option of %d bytes", maxOption)
	}
}

func checkText(what, value string, most int, bad func(string, ...any)) {
	if len(value) > most {
		bad("%s is %d bytes long, clients take %d", what, len(value), most)
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		bad("%s %q: want printable ASCII without spaces", what, value)
	}
}

// checkRootPath reports what UEFI's iSCSI driver, which refuses an offer over it,
// or an iSCSI adapter would not take: RFC 4173 section 5,
// iscsi:<server>:<protocol>:<port>:<LUN>:<target>. Other paths are not iSCSI.
func checkRootPath(path string) error {
	rest, ok := strings.CutPrefix(path, "iscsi:")
	if !ok {
		return nil
	}
	if strings.HasPrefix(rest, "[") { // an IPv6 address
		_, rest, _ = strings.Cut(rest, "]")
	}
	f := strings.SplitN(rest, ":", 5)
	switch {
	case len(f) < 5 || f[4] == "":
		return errors.New("want iscsi:server:protocol:port:LUN:target")
	case f[1] != "" && f[1] != "6":
		return fmt.Errorf("protocol %q: want 6, TCP, or nothing", f[1])
	case strings.Trim(f[2], "0123456789") != "" || len(f[2]) > 5:
		return fmt.Errorf("port %q: want a number or nothing", f[2])
	case strings.Trim(f[3], "0123456789abcdefABCDEF-") != "":
		return fmt.Errorf("LUN %q: want hex digits", f[3])
	case len(f[4]) > maxInitiator:
		return fmt.Errorf("the target name is %d bytes long, want at most %d", len(f[4]), maxInitiator)
	}
	return nil
}
