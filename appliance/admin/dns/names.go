package dns

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/site"
)

// A house is what is known here of names and addresses.
type house struct {
	site   *site.Site // never nil; without names if it cannot be read
	leases []dhcp.LeaseInfo
	// Why the one or the other is not known.
	siteErr, leaseErr error
}

// empty is a house without leases.
func (e Env) empty() (h house) {
	if h.site, h.siteErr = e.Site(); h.siteErr != nil {
		h.site = &site.Site{}
	}
	return h
}

// house asks the site and the DHCP server, which need not answer.
func (e Env) house(ctx context.Context) house {
	h := e.empty()
	within := cmp.Or(e.Patience, patience)
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("no answer within %v", within))
	defer cancel()
	h.leaseErr = control.Call(ctx, e.RunDir, roster.DHCP, "leases", nil, &h.leases)
	return h
}

// patience is how long the DHCP server may take.
const patience = 2 * time.Second

// bound reports whether a lease runs.
func bound(l dhcp.LeaseInfo) bool { return l.State == "bound" }

// clientName is what people call an address, "" if nobody has named it. The names of the site go before those
// that clients say.
func (h house) clientName(a netip.Addr) string {
	if a.IsLoopback() || h.routerOn(a) != "" {
		return site.ZoneBox
	}
	if sh, ok := h.hostAt(a); ok {
		return sh.Name
	}
	if i := slices.IndexFunc(h.leases, func(l dhcp.LeaseInfo) bool {
		return l.Addr == a && bound(l)
	}); i >= 0 {
		return h.leases[i].Name
	}
	return ""
}

// hostAt is the host of the site that has an address.
func (h house) hostAt(a netip.Addr) (site.Host, bool) {
	i := slices.IndexFunc(h.site.Hosts, func(sh site.Host) bool { return slices.Contains(sh.Addrs, a) })
	if i < 0 {
		return site.Host{}, false
	}
	return h.site.Hosts[i], true
}

// routerOn is the network on which an address is the appliance's own, "" if it is not.
func (h house) routerOn(a netip.Addr) string {
	for _, l := range h.site.LANs {
		if slices.ContainsFunc(l.Own(), func(p netip.Prefix) bool { return p.Addr() == a }) {
			return l.Name
		}
	}
	return ""
}

// client writes an address with the name of who has it.
func (h house) client(a netip.Addr) string {
	if name := h.clientName(a); name != "" {
		return name + "(" + a.String() + ")"
	}
	return a.String()
}

// addressesOf are those of a word: an address, or the name of a host or of a client.
func (h house) addressesOf(word string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(word); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	var all []netip.Addr
	sh, _ := h.site.Host(word)
	all = append(all, sh.Addrs...)
	name := strings.TrimSuffix(strings.ToLower(word), "."+h.site.Domain)
	for _, l := range h.leases {
		named := strings.EqualFold(l.Name, name) || sh.Name != "" && l.Name == sh.Name
		if l.Name != "" && named && bound(l) && !slices.Contains(all, l.Addr) {
			all = append(all, l.Addr)
		}
	}
	if len(all) > 0 {
		return all, nil
	}
	for _, err := range []error{h.siteErr, h.leaseErr} {
		if err != nil {
			return nil, fmt.Errorf("whose address %s is cannot be said: %w", word, err)
		}
	}
	return nil, fmt.Errorf("%s is no address, and no name of a host or client that has one", word)
}

// maxWord is how long a name can be that is written with escapes, four characters for each byte.
const maxWord = 4 * 255

// questionOf is the name that a word stands for, whole, and the type that is asked for if none is said: for
// an address its reverse name. A name without a dot is one of the site's domain, and so is one of nothing but
// labels of services: _ldap._tcp.
func questionOf(s *site.Site, word string) (name string, typ uint16, err error) {
	if a, err := netip.ParseAddr(word); err == nil {
		name, err := dns.ReverseAddr(a.Unmap().WithZone("").String())
		return name, dns.TypePTR, err
	}
	if _, ok := dns.IsDomainName(word); !ok || word == "" || len(word) > maxWord {
		return "", 0, fmt.Errorf("%s is no name: labels of 1 to 63 bytes with dots between them, 255 bytes in all",
			printable.Cut(strconv.Quote(word), maxLine))
	}
	rest := word
	for strings.HasPrefix(rest, "_") {
		_, rest, _ = strings.Cut(rest, ".")
	}
	if !strings.Contains(rest, ".") && s.Domain != "" && !strings.HasSuffix(word, ".") {
		word += "." + s.Domain
	}
	return dns.Fqdn(word), dns.TypeA, nil
}

// typeOf reads a type of records, by its name or as TYPE123 (RFC 3597 5).
func typeOf(word string) (uint16, error) {
	word = strings.ToUpper(word)
	if t, ok := dns.StringToType[word]; ok {
		return t, nil
	}
	if number, ok := strings.CutPrefix(word, "TYPE"); ok {
		if t, err := strconv.ParseUint(number, 10, 16); err == nil {
			return uint16(t), nil
		}
	}
	return 0, fmt.Errorf("%s is no type of records, such as AAAA or TYPE65",
		printable.Cut(strconv.Quote(word), maxLine))
}

// questionFrom reads NAME [TYPE].
func questionFrom(s *site.Site, words []string) (name string, typ uint16, err error) {
	if len(words) == 0 || len(words) > 2 {
		return "", 0, cli.ErrUsage
	}
	if name, typ, err = questionOf(s, words[0]); err != nil || len(words) == 1 {
		return name, typ, err
	}
	typ, err = typeOf(words[1])
	return name, typ, err
}

// Up to here text of others is shown, in bytes.
const (
	maxLine   = 300 // of a record or an error
	maxTop    = 44  // of a name in a table
	maxServer = 34
)

// cut shortens text of strangers, in its middle: what a name is can be seen at its end, whose it is at its
// beginning.
func cut(text string, limit int) string {
	text = printable.String(text)
	if runes := []rune(text); len(runes) > limit {
		half := limit / 2
		text = string(runes[:limit-half-1]) + "…" + string(runes[len(runes)-half:])
	}
	return text
}
