package admin

import (
	"net"
	"os"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
)

// ethernetAddr is the length of the address of an Ethernet interface, in bytes.
const ethernetAddr = 6

// Link is one network of the site as the kernel has it now.
type Link struct {
	Name      string   `json:"name"`      // of the site: "wan" or the LAN's
	Interface string   `json:"interface"` // of the kernel
	State     string   `json:"state"`     // operstate: "up", "down", …, or "missing"
	Addresses []string `json:"addresses"` // with the lengths of their networks
	Wanted    []string `json:"wanted"`    // what the site gives it
	// Unused are, while it is missing, the cards that the site does not use: it may have come by another
	// name.
	Unused []string `json:"unused,omitempty"`
}

// absent reports whether the kernel has no such link, or one that is down.
func (l Link) absent() bool {
	return l.State == "missing" || l.down()
}

func (l Link) down() bool { return l.State == "down" || l.State == "lowerlayerdown" }

// problem says what is wrong with the link, "" if nothing.
func (l Link) problem() string {
	switch {
	case l.State == "missing" && len(l.Unused) > 0:
		return "interface " + l.Interface + " (" + l.Name + ") is missing; not used by the site: " +
			strings.Join(l.Unused, ", ")
	case l.State == "missing":
		return "interface " + l.Interface + " (" + l.Name + ") is missing"
	case l.down():
		return "interface " + l.Interface + " (" + l.Name + ") is down"
	}
	for _, want := range l.Wanted {
		found := false
		for _, a := range l.Addresses {
			found = found || a == want
		}
		if !found {
			return "interface " + l.Interface + " (" + l.Name + ") lacks its address " + want
		}
	}
	return ""
}

// ReadLinks looks at the links that o names, in the network namespace of the caller.
func ReadLinks(o plan.Outline) []Link {
	var all []Link
	for _, want := range o.Links {
		l := Link{Name: want.Name, Interface: want.Interface}
		for _, p := range want.Wanted {
			l.Wanted = append(l.Wanted, p.String())
		}
		if l.observe(); l.State == "missing" {
			l.Unused = unusedCards(o.Cards)
		}
		all = append(all, l)
	}
	return all
}

// unusedCards returns the Ethernet interfaces that are not among those used.
func unusedCards(used []string) []string {
	there, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var unused []string
	for _, i := range there {
		if len(i.HardwareAddr) == ethernetAddr && !slices.Contains(used, i.Name) {
			unused = append(unused, i.Name)
		}
	}
	return unused
}

// observe fills in what the kernel has.
func (l *Link) observe() {
	l.State, l.Addresses = "missing", []string{}
	i, err := net.InterfaceByName(l.Interface)
	if err != nil {
		return
	}
	l.State = "unknown"
	// The name came from the validated site: it is one component of a path.
	if data, err := os.ReadFile("/sys/class/net/" + l.Interface + "/operstate"); err == nil {
		l.State = strings.TrimSpace(string(data))
	}
	addrs, err := i.Addrs()
	if err != nil {
		return
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsLinkLocalUnicast() {
			continue
		}
		l.Addresses = append(l.Addresses, a.String())
	}
}
