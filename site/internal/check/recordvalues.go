package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// recordReader reads the values of one [[record]].
type recordReader struct {
	*dnsCheck
	name    string // whole; "" if it was refused
	out     model.DNSRecord
	cname   string // whole
	targets []target
}

func (r *recordReader) read(raw toml.Record) {
	r.each("address", raw.Address, r.address)
	r.each("srv", raw.SRV, r.srv)
	r.each("mx", raw.MX, r.mx)
	r.each("txt", raw.TXT, r.txt)
	r.each("caa", raw.CAA, r.caa)
	r.out.TTL = r.duration(ttlKey(), raw.TTL, 0)
	if raw.CNAME.OK() {
		if r.cname = r.pointsTo("cname", raw.CNAME, raw.CNAME.Text); r.cname != "" {
			r.out.CNAME = r.canonical(r.cname)
		}
	}
}

// each reads the values of a key, each of which may be there once. What one says is returned by read, "" if
// it was refused.
func (r *recordReader) each(key string, v toml.Many, read func(v toml.Str) string) {
	if v.OK() && len(v.Items) == 0 {
		r.At(v.At, "%s is empty; expected at least one, or no such line", key)
	}
	seen := map[string]source.Span{}
	for _, item := range v.Items {
		says := read(item)
		if first, twice := seen[says]; twice && says != "" {
			r.Against(item.At, first, "%s %q is here a second time; expected it once", key, item.Text)
			continue
		}
		seen[says] = item.At
	}
}

// size counts the bytes of a value.
func (r *recordReader) size(typ string, data int, at source.Span) {
	if r.name != "" {
		r.grow(rrset{r.name, typ}, data, at)
	}
}

func (r *recordReader) address(v toml.Str) string {
	a, err := netip.ParseAddr(v.Text)
	switch {
	case err != nil || a.Zone() != "":
		r.At(v.At, "address %q is no address; expected an IPv4 or IPv6 address", v.Text)
	case a.Is4In6():
		r.At(v.At, "address %q is an IPv4 address; expected it as %s", v.Text, a.Unmap())
	case model.NotUnicast(a) != "":
		r.At(v.At, "address %s %s; expected that of a host", a, model.NotUnicast(a))
	default:
		typ := map[bool]string{true: "A", false: "AAAA"}[a.Is4()]
		r.size(typ, a.BitLen()/8, v.At)
		r.out.Addrs = append(r.out.Addrs, a)
		return a.String()
	}
	return ""
}

func (r *recordReader) srv(v toml.Str) string {
	words := strings.Fields(v.Text)
	numbers, ok := readNumbers(words, 3)
	if !ok || len(words) != 4 {
		r.At(v.At, `srv %q is not understood; expected priority, weight, port and target, as in "10 5 5060 web1"`, v.Text)
		return ""
	}
	out := model.SRV{Priority: numbers[0], Weight: numbers[1], Port: numbers[2], Target: words[3]}
	if out.Target != model.Nowhere {
		if out.Port == 0 {
			r.At(v.At, "srv %q has no port; expected one from 1 to 65535", v.Text)
			return ""
		}
		full := r.pointsTo("srv", v, out.Target)
		if full == "" {
			return ""
		}
		out.Target = r.canonical(full)
	}
	r.size("SRV", 6+wireLen(r.site.FullName(out.Target)), v.At)
	r.out.SRV = append(r.out.SRV, out)
	return fmt.Sprint(out)
}

func (r *recordReader) mx(v toml.Str) string {
	words := strings.Fields(v.Text)
	numbers, ok := readNumbers(words, 1)
	if !ok || len(words) != 2 {
		r.At(v.At, `mx %q is not understood; expected preference and host, as in "10 web1"`, v.Text)
		return ""
	}
	out := model.MX{Preference: numbers[0], Host: words[1]}
	if out.Host != model.Nowhere {
		full := r.pointsTo("mx", v, out.Host)
		if full == "" {
			return ""
		}
		out.Host = r.canonical(full)
	}
	r.size("MX", 2+wireLen(r.site.FullName(out.Host)), v.At)
	r.out.MX = append(r.out.MX, out)
	return fmt.Sprint(out)
}

func (r *recordReader) txt(v toml.Str) string {
	strings := max(1, (len(v.Text)+254)/255) // each with its length before it
	r.size("TXT", len(v.Text)+strings, v.At)
	r.out.TXT = append(r.out.TXT, v.Text)
	return "text " + v.Text
}

func (r *recordReader) caa(v toml.Str) string {
	words := strings.Fields(v.Text)
	if len(words) < 3 {
		r.At(v.At, `caa %q is not understood; expected flags, tag and value, as in "0 issue ca.example"`,
			v.Text)
		return ""
	}
	flags, err := strconv.ParseUint(words[0], 10, 8)
	tag := strings.ToLower(words[1])
	notTag := func(c rune) bool { return !isRecordChar(c) || c == '-' || c == '_' }
	value := strings.Join(words[2:], " ")
	if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
		value = value[1 : n-1] // as master files have it
	}
	switch {
	case err != nil:
		r.At(v.At, "caa %q has the flags %s; expected 0, or 128 for what must be understood (RFC 8659 4.1)",
			v.Text, words[0])
	case len(tag) > 15 || strings.IndexFunc(tag, notTag) >= 0:
		r.At(v.At, `caa %q has the tag %q; expected letters and digits, such as "issue", "issuewild" and "iodef"`, v.Text, words[1])
	default:
		r.size("CAA", 2+len(tag)+len(value), v.At)
		out := model.CAA{Flags: uint8(flags), Tag: tag, Value: value}
		r.out.CAA = append(r.out.CAA, out)
		return fmt.Sprint(out)
	}
	return ""
}

// readNumbers reads the first n words, which are numbers of 16 bits.
func readNumbers(words []string, n int) ([]uint16, bool) {
	var all []uint16
	for _, word := range words[:min(n, len(words))] {
		value, err := strconv.ParseUint(word, 10, 16)
		if err != nil {
			return nil, false
		}
		all = append(all, uint16(value))
	}
	return all, len(all) == n
}

// pointsTo reads a name that a record points to, and has it looked up when all names are known. It is "" if
// it was refused.
func (r *recordReader) pointsTo(typ string, v toml.Str, name string) string {
	full, reason := r.recordName(name, false)
	switch {
	case reason != "":
		r.At(v.At, "%s leads to %q, which %s", typ, name, reason)
		return ""
	case slices.ContainsFunc([]string{"in-addr.arpa", "ip6.arpa"}, func(d string) bool {
		return within(full, d)
	}):
		r.At(v.At, "%s leads to %q, the name of an address; expected that of a host", typ, name)
		return ""
	}
	r.targets = append(r.targets, target{typ, full, v.At})
	return full
}
