package check

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// maxRootPath is the longest root path in bytes: one DHCP option, because edk2
// refuses a longer one and others cut it off.
const maxRootPath = 255

// rootPathForm is the syntax of RFC 4173 5.
const rootPathForm = `"iscsi:ADDRESS:PROTOCOL:PORT:LUN:TARGET", where PROTOCOL, PORT and LUN may be empty (RFC 4173)`

// readRootPath returns the target of an iSCSI root path. The reason is "" or says
// why real clients cannot use the path; it continues a sentence that starts with it.
func readRootPath(s string) (target, reason string) {
	if len(s) > maxRootPath {
		return "", fmt.Sprintf("has %d bytes; expected at most %d, the length of one DHCP option", len(s),
			maxRootPath)
	}
	rest, ok := strings.CutPrefix(s, "iscsi:")
	if !ok {
		return "", "is no iSCSI root path; expected " + rootPathForm
	}
	server, rest, ok := cutServer(rest)
	parts := strings.SplitN(rest, ":", 4)
	if !ok || len(parts) != 4 {
		return "", "lacks a part; expected " + rootPathForm
	}
	protocol, port, lun, target := parts[0], parts[1], parts[2], parts[3]
	switch {
	case !isServerLiteral(server):
		// u-root takes nothing else, and dracut skips its route check.
		return "", fmt.Sprintf("has the server %q; expected an address, because some clients take no name: {server} is one", server)
	case protocol != "" && protocol != "6":
		return "", fmt.Sprintf(`has the protocol %q; expected "6" (TCP) or nothing`, protocol)
	case port != "" && !isPort(port):
		return "", fmt.Sprintf("has the port %q; expected 1 to 65535, or nothing for 3260", port)
	case len(lun) > 1 || strings.Trim(lun, "0123456789") != "":
		// Firmware reads the LUN in hexadecimal, Linux in decimal.
		return "", fmt.Sprintf("has the LUN %q; expected 0 to 9, which every client reads the same, or nothing for 0", lun)
	}
	if reason := notISCSIName(target); reason != "" {
		return "", fmt.Sprintf("has the target %q, which %s", target, reason)
	}
	return target, ""
}

// cutServer cuts the server off, which has colons of its own if it is an IPv6
// address in brackets.
func cutServer(s string) (server, rest string, ok bool) {
	if strings.HasPrefix(s, "[") {
		server, rest, ok = strings.Cut(s, "]:")
		return server + "]", rest, ok
	}
	return strings.Cut(s, ":")
}

func isServerLiteral(s string) bool {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return err == nil && a.Is6() && a.Zone() == ""
	}
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4()
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}
