// Package tunnel6in4 watches a tunnel that carries IPv6 in IPv4 (6in4, RFC 4213), and tells its broker where
// the appliance is. It is an engine: moments, echoes and answers in, probes and requests out.
//
//	        an echo, and another at once
//	┌────┐ ────────────────────────────► ┌────┐
//	│down│  a probe each second          │ up │  a probe each 10 seconds,
//	└────┘ ◄──────────────────────────── └────┘  each second while none is answered
//	          3 in a row without an echo
//
// It guarantees that the broker is asked at most 6 times in any hour, and not at all when it was told the
// address before, unless the tunnel is down; that after a refusal it is not asked again before the
// configuration is another, or a day is over. It says what is most likely wrong when the tunnel is down.
//
// The device, its addresses and routes are netcfg's, the rules the firewall's. Sockets are those of echo, the
// broker's API is that of broker; run joins them.
package tunnel6in4

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"net/url"
)

// Config is a tunnel.
type Config struct {
	Link    string     // of the kernel
	Server  netip.Addr // the broker's IPv4 address
	Local   netip.Addr `json:",omitzero"` // ours; the zero Addr: there is none, so nothing goes through
	Own     netip.Addr // our address in the tunnel
	Gateway netip.Addr // the broker's there
	MTU     uint16     // in bytes
	Behind  Behind     `json:",omitzero"` // who translates Local for the rest of the world
	Update  *Update    `json:",omitzero"` // nil: the broker is told nothing
}

// Update is how the broker is told.
type Update struct {
	User, Tunnel string
	Key          string // a secret
	URL          string // https
}

// Behind is what is between Local and the Internet.
type Behind string

// What may be between them.
const (
	Nothing Behind = ""
	NAT     Behind = "nat"   // another router: a private address (RFC 1918)
	CGNAT   Behind = "cgnat" // the provider's: a shared address (RFC 6598)
)

// Check reports what a plan never has.
func (c Config) Check() error {
	switch {
	case c.Link == "" || !c.Server.Is4() || !c.Own.Is6() || !c.Gateway.Is6():
		return errors.New("tunnel6in4: link, server, own and gateway are needed")
	case c.Local.IsValid() && !c.Local.Is4():
		return errors.New("tunnel6in4: local is no IPv4 address")
	case c.Update == nil:
		return nil
	}
	if u, err := url.Parse(c.Update.URL); err != nil || u.Scheme != "https" {
		return errors.New("tunnel6in4: the URL of the update is none of https")
	}
	return nil
}

// account tells one way to tell the broker from another, without being the key.
func (u *Update) account() string {
	h := sha256.New()
	for _, s := range []string{u.URL, u.User, u.Tunnel, u.Key} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
