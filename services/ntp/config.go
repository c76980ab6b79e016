// Package ntp is the time of the appliance: the kernel's clock is made right after several sources, and told
// to the LANs.
//
//	sources ─► client ─ Estimate ─► discipline ─► the kernel's clock ─► server ─► LANs
//
// Here is its Config. The engines are in client and discipline, packets in wire; sockets, the kernel and the
// server are other rooms'. It leaves to others who may ask (the firewall), and whether servers of a provider
// count (the plan, which makes them sources like others).
package ntp

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
	"unicode/utf8"
)

// Limits of a Config.
const (
	MaxSources = 16
	MaxAddrs   = 16
	MaxLinks   = 256
	// PoolServers is how many servers of one pool are used.
	PoolServers = 4
)

// DefaultStepLimit is above which the clock is set, and not slewed, also when it has been right: beyond it,
// slewing would take days.
const DefaultStepLimit = 10 * time.Second

// Config is everything the service is told. It is derived from the site by others, survives a round trip
// through JSON, and is checked by Check.
type Config struct {
	Sources []Source `json:",omitzero"`
	// Links are those of the LANs, by their names in the kernel. Nobody else is answered.
	Links []string `json:",omitzero"`
	// LocalStratum is what is said to LANs while no source is believed and the clock was never set by one, or
	// no longer is; 0: that it is not synchronised. 1 to 15.
	LocalStratum uint8 `json:",omitzero"`
	// StepLimit is above which a clock that was right is set at once; below, it is slewed. At the start, and
	// after a jump, the clock is set whatever this says. 0: DefaultStepLimit.
	StepLimit time.Duration `json:",omitzero"`
}

// A Source is a server, or a pool of them.
type Source struct {
	// Name is to be resolved, and shown to people.
	Name string `json:",omitzero"`
	// Addrs are used as they are; with them, Name is only shown.
	Addrs []netip.Addr `json:",omitzero"`
	// Pool: all addresses of the name are servers, and up to PoolServers of them are used. Without it, they
	// are addresses of one server, and one of them is used.
	Pool bool `json:",omitzero"`
}

// String is how a source is called before people.
func (s Source) String() string {
	if s.Name == "" && len(s.Addrs) > 0 {
		return s.Addrs[0].String()
	}
	return s.Name
}

// Limit is StepLimit, or its default.
func (c Config) Limit() time.Duration {
	if c.StepLimit == 0 {
		return DefaultStepLimit
	}
	return c.StepLimit
}

// Check says everything that is wrong.
func (c Config) Check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("ntp: "+format, args...)) }
	if len(c.Sources) > MaxSources {
		bad("%d sources, at most %d", len(c.Sources), MaxSources)
	}
	seen := map[string]bool{}
	for _, s := range c.Sources {
		if err := s.check(); err != nil {
			errs = append(errs, err)
		}
		if seen[s.String()] {
			bad("source %s twice: one that is asked twice is no majority", s)
		}
		seen[s.String()] = true
	}
	if len(c.Links) > MaxLinks {
		bad("%d links, at most %d", len(c.Links), MaxLinks)
	}
	links := map[string]bool{}
	for _, l := range c.Links {
		if l == "" || links[l] {
			bad("link %q twice or without a name", l)
		}
		links[l] = true
	}
	if c.LocalStratum > 15 {
		bad("local stratum %d, at most 15", c.LocalStratum)
	}
	if c.StepLimit < 0 || c.StepLimit != 0 && c.StepLimit < time.Millisecond {
		bad("step limit %v, at least 1ms", c.StepLimit)
	}
	return errors.Join(errs...)
}

// check says what is wrong with a source.
func (s Source) check() error {
	switch {
	case s.Name == "" && len(s.Addrs) == 0:
		return errors.New("ntp: a source has neither a name nor an address")
	case len(s.Name) > 253 || !utf8.ValidString(s.Name):
		return fmt.Errorf("ntp: source %q: not a name", s.Name)
	case len(s.Addrs) > MaxAddrs:
		return fmt.Errorf("ntp: source %s: %d addresses, at most %d", s, len(s.Addrs), MaxAddrs)
	}
	for _, a := range s.Addrs {
		if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.Is4In6() {
			return fmt.Errorf("ntp: source %s: %v is no address of a server", s, a)
		}
	}
	return nil
}
