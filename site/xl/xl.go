// Package xl has the words of xl.cfg(5) that follow from a site: the bridges of
// the Xen host, and the domain of a host that boots from the network.
//
// All of it is a function of the site; nothing is looked up on a machine. Bridges
// have the names that the appliance's own configuration (image/xen) gives them:
// whoever changes one there changes it here too, and the text says so.
package xl

import (
	"fmt"
	"strings"
)

// Type is what a domain is to Xen.
type Type string

// The types of domains.
const (
	HVM Type = "hvm" // a whole machine, whose card boots from the network by itself
	PVH Type = "pvh" // started with a kernel and an initramfs that lie on the Xen host
	PV  Type = "pv"  // likewise; needs no VT-x or AMD-V
)

// ParseType reads the name of a type.
func ParseType(s string) (Type, error) {
	switch t := Type(s); t {
	case HVM, PVH, PV:
		return t, nil
	}
	return "", fmt.Errorf("%q is no type of domain; expected hvm, pvh or pv", s)
}

// Bridge is the bridge of the Xen host that has the appliance's interface on it:
// xenbr0 for eth0.
func Bridge(iface string) string { return "xenbr" + strings.TrimPrefix(iface, "eth") }

// Quote makes a string of the file: libxlu knows the backslash escapes of C.
func Quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
