package check

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
)

const (
	maxScript   = 255 // one DHCP option
	maxBootFile = 127 // the file field of BOOTP less its NUL (RFC 2131 2)
)

// values returns what the variables of templates stand for. What a host lacks was
// reported, and something of the right form stands in for it.
func (l *loader) values(h *hostEntry) map[string]string {
	address := netip.IPv4Unspecified()
	if i := slices.IndexFunc(h.Addrs, netip.Addr.Is4); i >= 0 {
		address = h.Addrs[i]
	}
	var mac model.MAC
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
	for _, n := range l.site.Subnets() {
		if a := server.AddrIn(n.Network); a.IsValid() && h.AddrIn(n.Network).IsValid() {
			return a
		}
	}
	return server.Addrs[slices.IndexFunc(server.Addrs, netip.Addr.Is4)]
}

// checkUnambiguous refuses {mac} and {address} for hosts that have several, and {mac}
// for those that have none.
func (l *loader) checkUnambiguous(use *templateUse, t template, h *hostEntry) {
	key, at := use.field.key, use.raw.At
	switch {
	case !t.uses("mac"):
	case len(h.MACs) > 1:
		l.Against(at, h.macAt[1], "%s says {mac}, but %q has %d of them; expected {name}, which is the same for all its cards", key, h.Name, len(h.MACs))
	case len(h.MACs) == 0 && len(h.Ports) > 0:
		l.Against(at, h.portAt[0], "%s says {mac}, but %q is known by its port; expected {name}, which is the same for all its cards", key, h.Name)
	}
	first := slices.IndexFunc(h.Addrs, netip.Addr.Is4)
	for i, a := range h.Addrs {
		if t.uses("address") && a.Is4() && i > first {
			l.Against(at, h.addrAt[i], "%s says {address}, but %q has several; expected {name}, which is the same on all its networks", key, h.Name)
			return
		}
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
		return fmt.Sprintf("has %d bytes; expected at most %d, the length of one DHCP option", len(s),
			maxScript)
	}
	return ""
}

// notHTTPDirectory says why UEFI HTTP boot cannot find files below s, "" if it can.
func notHTTPDirectory(s string) string {
	const expected = `; expected one such as "http://{server}/"`
	u, err := url.Parse(s)
	switch {
	case err != nil || !isGraphic(s) || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return "is no URL with http or https" + expected
	case u.User != nil:
		return "has a user name or password, which everyone on the network could ask for; expected none"
	case !strings.HasSuffix(s, "/"):
		return "does not end in a slash, and the name of a file comes after it" + expected
	case len(s) > maxBootFile:
		return fmt.Sprintf("has %d bytes; expected at most %d, so that the name of a file fits after it",
			len(s), maxBootFile)
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
		return fmt.Sprintf("has %d bytes; expected at most %d, the length that DHCP has for it", len(s),
			maxBootFile)
	}
	return ""
}

// isGraphic reports whether s is visible ASCII without blanks.
func isGraphic(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
}
