package dhcp

import (
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// nobodysNames are names that give whoever has them power over his neighbours:
// browsers and tunnels look for wpad and isatap by themselves (CERT VU#598349),
// and nothing but the machine itself may be localhost.
func nobodysNames() []string { return []string{"localhost", "wpad", "isatap"} }

// names returns, in lower case, every name that no client may call itself.
func (c *Config) names() map[string]struct{} {
	set := make(map[string]struct{}, len(c.Hosts)+len(c.ReservedNames))
	for _, h := range c.Hosts {
		set[strings.ToLower(h.Name)] = struct{}{}
	}
	for _, list := range [][]string{c.ReservedNames, nobodysNames()} {
		for _, name := range list {
			set[strings.ToLower(name)] = struct{}{}
		}
	}
	return set
}

// nameFor returns the name that a lease of mac carries: the site's name for a
// card the site knows, else the name in the message if nobody else has it, else none.
func (s *Server) nameFor(now time.Time, mac lease.MAC) string {
	if s.host != nil {
		return s.host.Name
	}
	name := label(s.in.Option(packet.OptionHostName), s.sub.Domain)
	if _, taken := s.names[name]; taken || name == "" {
		return ""
	}
	for _, other := range s.subnets {
		if holder, ok := other.table.NamedBy(now, name); ok && holder != mac {
			return ""
		}
	}
	return name
}

// label returns the host name in b as one label in lower case, empty if b is no
// host name of domain. Some clients end it with a zero, some send the domain too.
func label(b []byte, domain string) string {
	if len(b) > 255 {
		return ""
	}
	name := strings.ToLower(strings.TrimRight(string(b), "\x00"))
	if domain != "" {
		name = strings.TrimSuffix(name, "."+strings.ToLower(domain))
	}
	if !option.IsLabel(name) {
		return ""
	}
	return name
}
