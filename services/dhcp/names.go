package dhcp

import (
	"bytes"
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
	name := s.ownName()
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

// ownName returns what the client calls itself, in option 12 or else in option 81, "" if that is no name
// here.
func (s *Server) ownName() string {
	if name := label(s.in.Option(packet.OptionHostName), s.sub.Domain); name != "" {
		return name
	}
	return label(fqdn(s.in.Option(packet.OptionClientFQDN)), s.sub.Domain)
}

// fqdn returns the name in option 81 as text: behind flags and two bytes that are nothing any more, in ASCII
// or, by flag E, as in the DNS without compression (RFC 4702 2).
func fqdn(b []byte) []byte {
	const head, flagE = 3, 1 << 2
	if len(b) <= head {
		return nil
	}
	flags, name := b[0], b[head:]
	if flags&flagE == 0 {
		return name
	}
	var text []byte
	for len(name) > 0 && name[0] != 0 { // a name that is no whole one, a label alone, has no end
		n := int(name[0])
		if n >= len(name) {
			return nil
		}
		if bytes.IndexByte(name[1:1+n], '.') >= 0 {
			return nil // which would be another name as text
		}
		if len(text) > 0 {
			text = append(text, '.')
		}
		text, name = append(text, name[1:1+n]...), name[1+n:]
	}
	return text
}

// label returns the host name in b as one label in lower case, empty if b is no
// host name of domain. Some clients end it with a zero, some send the domain too, or
// the one that they use without a server (RFC 6762), and some a dot behind all. An underscore, which names of
// hosts do not have (RFC 952) and those of ESP8266 cards do ("ESP_0A1B2C"), is a hyphen.
func label(b []byte, domain string) string {
	if len(b) > 255 {
		return ""
	}
	name := strings.TrimSuffix(strings.ToLower(strings.TrimRight(string(b), "\x00")), ".")
	name = strings.ReplaceAll(name, "_", "-")
	for _, suffix := range []string{strings.ToLower(domain), "local"} {
		if before, in := strings.CutSuffix(name, "."+suffix); in && suffix != "" {
			name = before
			break
		}
	}
	if !option.IsLabel(name) {
		return ""
	}
	return name
}
