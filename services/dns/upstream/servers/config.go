// Package servers says which resolvers are asked for what, and what is wrong with that: the Config of package
// upstream, for those who make one and ask nobody.
package servers

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// A Config says who is asked for what. It survives a round trip through JSON.
type Config struct {
	// Servers are asked for everything that Forward does not name. Without any, as while the provider's are
	// not known yet, such questions fail with ErrNoServer.
	Servers []Server `json:"servers,omitempty"`
	// Forward are the domains that others are asked for. The longest that a name is in counts.
	Forward []Forward `json:"forward,omitempty"`
	// MixedCase has plain servers asked in letters of random case, which their answers must repeat
	// (draft-vixie-dnsext-dns0x20). There are servers that do not.
	MixedCase bool `json:"mixed_case,omitempty"`
}

// A Forward is a domain, with everything below it, and the servers that are asked for it. Reverse zones are
// domains too: "168.192.in-addr.arpa".
type Forward struct {
	Domain  string   `json:"domain"`
	Servers []Server `json:"servers"`
}

// A Kind is how a server is asked.
type Kind string

// The kinds.
const (
	Plain Kind = "plain" // by UDP, and by TCP what does not fit
	TLS   Kind = "tls"   // DNS over TLS, RFC 7858, with a name that its certificate must be for (RFC 8310)
)

// port is where a server of the kind listens unless something else is said.
func (k Kind) port() uint16 {
	if k == TLS {
		return 853
	}
	return 53
}

// A Server is one that is asked.
type Server struct {
	Address netip.Addr `json:"address"`        // with its zone if it is link-local
	Port    uint16     `json:"port,omitempty"` // 0: 53, or 853 with TLS
	Kind    Kind       `json:"kind"`
	// Name is whom the certificate must be for: a host name, or an address. For TLS only.
	Name string `json:"name,omitempty"`
}

// String writes the server as unbound does: 192.0.2.53@5300#dns.example, the port only if it is another than
// usual.
func (s Server) String() string {
	text := s.Address.String()
	if s.Port != 0 && s.Port != s.Kind.port() {
		text = fmt.Sprintf("%s@%d", text, s.Port)
	}
	if s.Name != "" {
		text += "#" + s.Name
	}
	return text
}

// Endpoint is where the server listens.
func (s Server) Endpoint() netip.AddrPort {
	if s.Port == 0 {
		return netip.AddrPortFrom(s.Address, s.Kind.port())
	}
	return netip.AddrPortFrom(s.Address, s.Port)
}

// Bounds of a Config.
const (
	MaxServers = 16 // for one domain
	maxForward = 256
)

// Check returns everything that is wrong with the Config, joined.
func (c Config) Check() error {
	errs := checkServers(c.Servers)
	if len(c.Forward) > maxForward {
		errs = append(errs, fmt.Errorf("%d domains are forwarded: %d at most", len(c.Forward), maxForward))
	}
	seen := map[string]bool{}
	for _, f := range c.Forward {
		bad := func(err error) { errs = append(errs, fmt.Errorf("domain %s: %w", f.Domain, err)) }
		name, err := WireName(f.Domain)
		switch {
		case err != nil:
			bad(err)
		case len(name) == 1:
			bad(errors.New("the servers for everything are not those of a domain"))
		case seen[string(name)]:
			bad(errors.New("it is forwarded twice"))
		case len(f.Servers) == 0:
			bad(errors.New("it has no server"))
		}
		seen[string(name)] = true
		for _, err := range checkServers(f.Servers) {
			bad(err)
		}
	}
	return errors.Join(errs...)
}

// checkServers returns what is wrong with the servers of one domain.
func checkServers(servers []Server) (errs []error) {
	if len(servers) > MaxServers {
		errs = append(errs, fmt.Errorf("%d servers: %d at most", len(servers), MaxServers))
	}
	seen := map[Server]bool{}
	for _, s := range servers {
		if err := s.check(); err != nil {
			errs = append(errs, fmt.Errorf("server %s: %w", s, err))
		}
		s.Port = s.Endpoint().Port()
		if seen[s] {
			errs = append(errs, fmt.Errorf("server %s is there twice", s))
		}
		seen[s] = true
	}
	return errs
}

func (s Server) check() error {
	a := s.Address
	switch {
	case !a.IsValid():
		return errors.New("it has no address")
	case a.Is4In6():
		return fmt.Errorf("write its address as %s", a.Unmap())
	case a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return errors.New("nobody can have that address")
	case a.Is6() && a.IsLinkLocalUnicast() && a.Zone() == "":
		return errors.New("a link-local address needs its link: fe80::1%wan")
	case s.Kind == Plain && s.Name != "":
		return fmt.Errorf("the name %s is checked with TLS only", s.Name)
	case s.Kind == Plain:
		return nil
	case s.Kind != TLS:
		return fmt.Errorf("kind %q: %s or %s", s.Kind, Plain, TLS)
	case s.Name == "":
		return errors.New("TLS needs the name that its certificate is for")
	}
	if _, err := netip.ParseAddr(s.Name); err == nil {
		return nil
	}
	if name, err := WireName(s.Name); err != nil || len(name) == 1 || strings.HasSuffix(s.Name, ".") {
		return fmt.Errorf("%q is no name that a certificate could be for", s.Name)
	}
	return nil
}

// Bounds of names, RFC 1035 section 2.3.4.
const (
	MaxLabel = 63
	MaxName  = 255
)

// WireName returns a domain as it is on the wire, in lower case. The root is "." only. A slash is in the
// names of RFC 2317.
func WireName(domain string) ([]byte, error) {
	if domain == "." {
		return []byte{0}, nil
	}
	var name []byte
	for label := range strings.SplitSeq(strings.TrimSuffix(domain, "."), ".") {
		if len(label) == 0 || len(label) > MaxLabel {
			return nil, fmt.Errorf("the label %q has %d letters: 1 to %d", label, len(label), MaxLabel)
		}
		name = append(name, byte(len(label)))
		for _, c := range []byte(label) {
			c = Lower(c)
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("-_/", rune(c)) {
				return nil, fmt.Errorf("%q cannot be in a domain", c)
			}
			name = append(name, c)
		}
	}
	if name = append(name, 0); len(name) > MaxName {
		return nil, fmt.Errorf("it has %d octets: %d at most", len(name), MaxName)
	}
	return name, nil
}

// Lower returns an ASCII letter in lower case, and any other octet as it is: RFC 4343.
func Lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
