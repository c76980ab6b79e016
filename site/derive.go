package site

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

const (
	maxScript   = 255 // one DHCP option
	maxBootFile = 127 // the file field of BOOTP less its NUL (RFC 2131 2)
)

// netbootField is one template of [netboot] and what its values must be.
type netbootField struct {
	key   string
	raw   str
	check func(value string) (reason string)
	set   func(n *HostNetboot, value string)
	name  func(value string) string // the iSCSI name in it, which no two hosts may share; nil if it has none
}

func netbootFields(raw rawNetboot) []netbootField {
	return []netbootField{
		{"initiator", raw.Initiator, notISCSIName, func(n *HostNetboot, v string) { n.Initiator = v }, strings.ToLower},
		{"root-path", raw.RootPath, notRootPath, func(n *HostNetboot, v string) { n.RootPath, n.Target = v, targetOf(v) }, targetOf},
		{"script", raw.Script, notScript, func(n *HostNetboot, v string) { n.Script = v }, nil},
		{"bios", raw.BIOS, notBootFile, func(n *HostNetboot, v string) { n.BIOS = v }, nil},
		{"uefi", raw.UEFI, notBootFile, func(n *HostNetboot, v string) { n.UEFI = v }, nil},
		{"uefi-arm64", raw.UEFIARM64, notBootFile, func(n *HostNetboot, v string) { n.UEFIARM64 = v }, nil},
	}
}

// derive expands a template for every host and checks what comes out. Without
// hosts it is checked for an imagined one, because it may be wrong for any.
func (l *loader) derive(f netbootField, t template, clients []*hostEntry, server *hostEntry) {
	if len(clients) == 0 {
		clients = []*hostEntry{{Host: Host{Name: "host"}}}
	}
	values := make([]string, len(clients))
	for i, h := range clients {
		if h.Netboot == nil {
			h.Netboot = &HostNetboot{}
		}
		h.Netboot.Server = l.serverFor(h, server)
		values[i] = t.expand(l.values(h))
		f.set(h.Netboot, values[i])
		l.checkUnambiguous(f, t, h)
	}
	if l.checkValues(f, clients, values) && f.name != nil {
		l.checkDistinct(f, clients, values)
	}
}

// values returns what the variables of templates stand for. What a host lacks was
// reported, and something of the right form stands in for it.
func (l *loader) values(h *hostEntry) map[string]string {
	address := netip.IPv4Unspecified()
	if i := slices.IndexFunc(h.Addrs, netip.Addr.Is4); i >= 0 {
		address = h.Addrs[i]
	}
	var mac MAC
	if len(h.MACs) > 0 {
		mac = h.MACs[0]
	}
	return map[string]string{
		"name":    h.Name,
		"domain":  l.site.Domain,
		"server":  h.Netboot.Server.String(),
		"address": address.String(),
		"mac":     mac.String(),
	}
}

// serverFor returns the address of the server on a LAN of the host or, if they
// share none, its first.
func (l *loader) serverFor(h, server *hostEntry) netip.Addr {
	if server == nil {
		return netip.IPv4Unspecified()
	}
	for _, lan := range l.site.LANs {
		if a := server.AddrOn(lan); a.IsValid() && h.AddrOn(lan).IsValid() {
			return a
		}
	}
	return server.Addrs[slices.IndexFunc(server.Addrs, netip.Addr.Is4)]
}

// checkUnambiguous refuses {mac} and {address} for hosts that have several.
func (l *loader) checkUnambiguous(f netbootField, t template, h *hostEntry) {
	if t.uses("mac") && len(h.MACs) > 1 {
		l.against(f.raw.at, h.macAt[1], "%s says {mac}, but %q has %d of them; expected {name}, which is the same for all its cards", f.key, h.Name, len(h.MACs))
	}
	first := slices.IndexFunc(h.Addrs, netip.Addr.Is4)
	for i, a := range h.Addrs {
		if t.uses("address") && a.Is4() && i > first {
			l.against(f.raw.at, h.addrAt[i], "%s says {address}, but %q has several; expected {name}, which is the same on all its networks", f.key, h.Name)
			return
		}
	}
}

// checkValues reports what is wrong with the values, once for all hosts. It names
// a host if not all of them have the same problem.
func (l *loader) checkValues(f netbootField, clients []*hostEntry, values []string) bool {
	reasons := make([]string, len(values))
	for i, value := range values {
		reasons[i] = f.check(value)
	}
	first := slices.IndexFunc(reasons, func(r string) bool { return r != "" })
	if first < 0 {
		return true
	}
	subject := f.key
	if slices.ContainsFunc(reasons, func(r string) bool { return r != reasons[first] }) {
		subject = fmt.Sprintf("%s of %q", f.key, clients[first].Name)
	}
	l.at(f.raw.at, "%s %s", subject, reasons[first])
	return false
}

// checkDistinct reports the first two hosts that would share an iSCSI name.
func (l *loader) checkDistinct(f netbootField, clients []*hostEntry, values []string) {
	owners := map[string]*hostEntry{}
	for i, h := range clients {
		name := f.name(values[i])
		if first, taken := owners[name]; taken {
			l.at(f.raw.at, "%s gives %q and %q the same name %s; expected {name} in it, so that they differ", f.key, first.Name, h.Name, name)
			return
		}
		owners[name] = h
	}
}

func notRootPath(s string) string {
	_, reason := readRootPath(s)
	return reason
}

func targetOf(rootPath string) string {
	target, _ := readRootPath(rootPath)
	return target
}

// notScript says why iPXE cannot be sent to s, "" if it can.
func notScript(s string) string {
	const expected = `; expected one such as "http://{server}/boot.ipxe"`
	u, err := url.Parse(s)
	switch {
	case err != nil || !isGraphic(s):
		return "is no URL" + expected
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "tftp":
		return "is no URL with http, https or tftp" + expected
	case u.Host == "":
		return "has no server" + expected
	case u.User != nil:
		return "has a user name or password, which everyone on the network could ask for; expected none"
	case len(s) > maxScript:
		return fmt.Sprintf("has %d bytes; expected at most %d, the length of one DHCP option", len(s), maxScript)
	}
	return ""
}

// notBootFile says why s is no file on a TFTP server, "" if it is one.
func notBootFile(s string) string {
	switch {
	case strings.Contains(s, "://"):
		return `is a URL; expected the name of a file on the TFTP server, such as "ipxe.efi"`
	case s == "" || !isGraphic(s):
		return `is no name of a file; expected one without blanks, such as "ipxe.efi"`
	case len(s) > maxBootFile:
		return fmt.Sprintf("has %d bytes; expected at most %d, the length that DHCP has for it", len(s), maxBootFile)
	}
	return ""
}

// isGraphic reports whether s is visible ASCII without blanks.
func isGraphic(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
}
