package check

import (
	"fmt"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// maxLabelLen and maxNameLen are those of RFC 1035 2.3.4, for names as text.
const (
	maxLabelLen = 63
	maxNameLen  = 253
)

// dnsCheck looks what the names of the site say together. Names in it are whole, in lower case.
type dnsCheck struct {
	*loader
	forwards []placedDomain
	names    map[string]dnsName
	above    map[string]bool // names that are there because others are below them
	sizes    map[rrset]int
	pointers []target // of records
}

// dnsName is what a name is.
type dnsName struct {
	what  string // `host "web1"`, for a message
	at    source.Span
	host  bool   // it has addresses that the files hosts and ethers say, or is the appliance
	srv   bool   // it says where a service is
	cname string // the name that it stands for
}

// rrset is the records of one type of a name, which must fit into one answer.
type rrset struct{ name, typ string }

const (
	maxSet     = 16 << 10 // bytes of one rrset
	recordHead = 12       // of a record beside its data, its name being a pointer
)

// wireLen is how many bytes a name takes that is no pointer.
func wireLen(name string) int {
	if name == model.Nowhere {
		return 1
	}
	return len(name) + 2
}

// grow adds a record to those of a name, and says so once when they are too many.
func (c *dnsCheck) grow(set rrset, data int, at source.Span) {
	before := c.sizes[set]
	c.sizes[set] = before + recordHead + data
	if before <= maxSet && c.sizes[set] > maxSet {
		c.At(at, "%s has more %s records than fit into an answer; expected at most %d bytes of them",
			set.name, set.typ, maxSet)
	}
}

// claim says what a name is, and that those above it are there.
func (c *dnsCheck) claim(name string, is dnsName) {
	c.names[name] = is
	c.addAbove(name)
}

func (c *dnsCheck) addAbove(name string) {
	for _, rest, ok := strings.Cut(name, "."); ok && !c.above[rest]; _, rest, ok = strings.Cut(rest, ".") {
		c.above[rest] = true
	}
}

// hostNames takes the names of hosts and of the appliance, and refuses those that no host can have.
func (c *dnsCheck) hostNames() {
	for _, d := range c.forwards {
		c.addAbove(d.name)
	}
	for _, h := range c.hosts.list {
		for _, name := range append([]string{h.Name}, h.Aliases...) {
			at := c.hosts.names[name].at
			full := c.site.FullName(name)
			c.claim(full, dnsName{what: fmt.Sprintf("host %q", h.Name), at: at, host: true})
			c.notOthers(toml.Str{Text: name, At: at}, "host name", full)
		}
		sizes := map[bool]int{}
		for i, a := range h.Addrs {
			if sizes[a.Is4()] += recordHead + a.BitLen()/8; sizes[a.Is4()] > maxSet {
				c.At(h.addrAt[i], "host %q has more addresses than fit into an answer of DNS; expected fewer",
					h.Name)
				break
			}
		}
	}
	name := c.site.Name
	if name == "" {
		return
	}
	full := c.site.FullName(name)
	if _, known := c.names[full]; !known {
		c.claim(full, dnsName{what: "the appliance", at: c.raw.Name.At, host: true})
		c.notOthers(c.raw.Name, "name", full)
	}
}

// notOthers refuses names for which somebody else answers.
func (c *dnsCheck) notOthers(v toml.Str, kind, full string) bool {
	if d := reservedDomain(full); d != "" {
		c.At(v.At, "%s %q is in %q, where nobody has names (RFC 6761); expected another", kind, v.Text, d)
		return false
	}
	if d, ok := c.forwardOf(full); ok {
		c.Against(v.At, d.at, "%s %q is in %q, for which others are asked; expected another name, or a forward without it", kind, v.Text, d.name)
		return false
	}
	return true
}

// forwardOf returns the domain by which others are asked for a name: the longest that it is in counts, and
// the site's own is one of them.
func (c *dnsCheck) forwardOf(full string) (best placedDomain, ok bool) {
	for _, d := range c.forwards {
		if within(full, d.name) && len(d.name) > len(best.name) {
			best = d
		}
	}
	return best, best.name != "" && !(within(full, c.site.Domain) && len(c.site.Domain) > len(best.name))
}

// reservedDomain returns the domain that a name is in and in which nobody has names, "" for other names.
func reservedDomain(name string) string {
	for _, d := range []string{
		"localhost", "invalid", "onion", "alt", "in-addr.arpa", "ip6.arpa", "resolver.arpa", "ipv4only.arpa",
	} {
		if within(name, d) {
			return d
		}
	}
	return ""
}

// isSpecial reports whether a name is one that the appliance answers for by itself: there is nothing in it
// but what the site says.
func isSpecial(name string) bool {
	return reservedDomain(name) != "" || within(name, "test") || within(name, "local") || within(name, "home.arpa")
}

// within reports whether a name is a domain or below it.
func within(name, domain string) bool {
	return name == domain || strings.HasSuffix(name, "."+domain)
}

// notDomain says why s is no domain that others could be asked for, "" if it is one. It continues a sentence
// that starts with it.
func notDomain(s string) string {
	labels := strings.Split(s, ".")
	if reason := notLabels(labels); reason != "" {
		return reason
	}
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return `ends in a number; expected a domain, that of addresses as in "168.192.in-addr.arpa"`
	}
	return notLong(s)
}

func notLong(s string) string {
	if len(s) > maxNameLen {
		return fmt.Sprintf("has %d characters; expected at most %d", len(s), maxNameLen)
	}
	return ""
}

// notLabels says why labels are none that a record can have: as host names do, and underscores.
func notLabels(labels []string) string {
	for _, label := range labels {
		switch i := strings.IndexFunc(label, func(c rune) bool { return !isRecordChar(c) }); {
		case label == "":
			return model.EmptyPart(strings.Join(labels, "."))
		case len(label) > maxLabelLen:
			return fmt.Sprintf("has a part of %d characters; expected at most %d (RFC 1035)", len(label),
				maxLabelLen)
		case i >= 0:
			return fmt.Sprintf("contains %q; expected letters, digits, hyphens and underscores",
				[]rune(label[i:])[0])
		}
	}
	return ""
}

func isRecordChar(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// recordName reads the name of a record, or one that it points to. As in hosts, a name without a dot is in
// the site's domain and one with a dot is whole, but a star and labels with underscores are before all that:
// "_ldap._tcp", "*.apps". The reason is "" or continues a sentence that starts with the name.
func (c *dnsCheck) recordName(s string, star bool) (full, reason string) {
	if s == model.Apex {
		return c.site.Domain, ""
	}
	labels := strings.Split(strings.ToLower(s), ".")
	if star && labels[0] == "*" {
		labels = labels[1:]
	} else {
		star = false
	}
	if reason := notLabels(labels); reason != "" {
		return "", reason
	}
	behind := len(labels)
	for behind > 0 && labels[behind-1][0] != '_' {
		behind--
	}
	if rest := strings.Join(labels[behind:], "."); rest != "" && model.NotName(rest) != "" {
		return "", model.NotName(rest)
	}
	if len(labels)-behind < 2 {
		labels = append(labels, c.site.Domain)
	}
	if star {
		labels = append([]string{"*"}, labels...)
	}
	full = strings.Join(labels, ".")
	return full, notLong(full)
}

// canonical returns a whole name as the site has it.
func (c *dnsCheck) canonical(full string) string {
	if full == c.site.Domain {
		return model.Apex
	}
	return model.Canonical(full, c.site.Domain)
}
