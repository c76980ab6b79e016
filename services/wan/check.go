package wan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
)

// Limits of a Config, so that every message fits into what any server takes.
const (
	maxClientID = 255
	maxText     = 255
	maxOptions  = 16
	maxAsk      = 64
	maxSent     = 512 // bytes of further options
	maxLANs     = 1024
	// MaxProbe is the longest time to look for an address: the longest of RFC 5227 2.1.1.
	MaxProbe = 10 * time.Second
)

// Check returns everything that is wrong with c, joined by errors.Join.
func (c Config) Check() error {
	var bad []error
	wrong := func(format string, args ...any) { bad = append(bad, fmt.Errorf("wan: "+format, args...)) }
	switch {
	case c.Link == "":
		wrong("no link is named")
	case len(c.Link) > 15:
		wrong("link %q has %d characters, 15 at most", c.Link, len(c.Link))
	}
	c.checkIdentity(wrong)
	if len(c.VendorClass) > maxText {
		wrong("the vendor class has %d bytes, %d at most", len(c.VendorClass), maxText)
	}
	if c.HostName != "" && !option.IsDomain(c.HostName) {
		wrong("host name %q is no name of a host", c.HostName)
	}
	if c.MaxMTU != 0 && (c.MaxMTU < MinMTU || c.MaxMTU > MaxMTU) {
		wrong("the link's MTU is %d: %d to %d", c.MaxMTU, MinMTU, MaxMTU)
	}
	if c.Probe < 0 || c.Probe > MaxProbe {
		wrong("an address is looked for during %s: 0 to %s", c.Probe, MaxProbe)
	}
	bad = append(bad, c.checkOptions()...)
	c.IPv6.check(wrong)
	if c.Static4 && c.IPv6.isOff() {
		wrong("nobody is asked for anything, over IPv4 or IPv6")
	}
	if len(c.LANs) > maxLANs {
		wrong("%d LANs, %d at most", len(c.LANs), maxLANs)
	}
	for _, l := range c.LANs {
		p := l.Network
		if !p.IsValid() || !p.Addr().Is4() || p != p.Masked() || !p.Contains(l.Address) {
			wrong("lan %s: %s with our address %s is no IPv4 network", l.Name, l.Network, l.Address)
		}
	}
	return errors.Join(bad...)
}

// ours are the options that are the client's own to send: what Config has fields for,
// and what the messages themselves are made of.
func ours(code uint8) bool { return option.ServersOwn(code) || code == 12 || code == 60 }

func (c *Config) checkOptions() (bad []error) {
	size := 0
	var seen []uint8
	for _, o := range c.Options {
		if ours(o.Code) {
			bad = append(bad, fmt.Errorf("wan: option %d is the client's own to send", o.Code))
		}
		if slices.Contains(seen, o.Code) {
			bad = append(bad, fmt.Errorf("wan: option %d is there twice", o.Code))
		}
		seen = append(seen, o.Code)
		size += len(o.Data)
	}
	if len(c.Options) > maxOptions || size > maxSent {
		bad = append(bad, fmt.Errorf("wan: %d further options of %d bytes: at most %d of %d",
			len(c.Options), size, maxOptions, maxSent))
	}
	if len(c.Ask) > maxAsk || slices.Contains(c.Ask, 0) || slices.Contains(c.Ask, 255) {
		bad = append(bad, fmt.Errorf("wan: the options to ask for are %s: at most %d, from 1 to 254",
			strings.Trim(fmt.Sprint(c.Ask), "[]"), maxAsk))
	}
	return bad
}
