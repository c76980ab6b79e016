package lookup

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// splitWidth is after how many characters of hex or base64 dig puts a space.
const splitWidth = 56

// rdata is what a record says, as dig writes it.
func rdata(rr dns.RR, split int) string { return asciiOnly(dataText(rr, split)) }

func dataText(rr dns.RR, split int) string {
	text := plainRdata(rr)
	switch rr := rr.(type) {
	case *dns.RFC3597:
		return fmt.Sprintf("\\# %d %s", len(rr.Rdata)/2, chunks(strings.ToUpper(rr.Rdata), split))
	case *dns.DNSKEY, *dns.CDNSKEY, *dns.KEY:
		return splitFrom(text, 3, split, false)
	case *dns.DS, *dns.CDS, *dns.DLV, *dns.TLSA, *dns.SMIMEA, *dns.ZONEMD:
		return splitFrom(text, 3, split, true)
	case *dns.SSHFP:
		return splitFrom(text, 2, split, true)
	case *dns.CERT:
		return splitFrom(text, 3, split, false)
	case *dns.RRSIG, *dns.SIG:
		return bindNames(splitFrom(text, 8, split, false))
	case *dns.OPENPGPKEY, *dns.DHCID:
		return splitFrom(text, 0, split, false)
	case *dns.SVCB:
		return serviceText(rr)
	case *dns.HTTPS:
		return serviceText(&rr.SVCB)
	case *dns.LOC:
		return locationText(text)
	case *dns.TXT, *dns.SPF, *dns.HINFO, *dns.CAA, *dns.NAPTR, *dns.URI:
		return text
	}
	return bindNames(text)
}

// plainRdata is what miekg/dns writes behind a record's header.
func plainRdata(rr dns.RR) string {
	fields := strings.SplitN(rr.String(), "\t", 5)
	if len(fields) < 5 {
		return ""
	}
	return fields[4]
}

// splitFrom cuts what is behind some words, hex or base64, into pieces.
func splitFrom(text string, words, width int, upper bool) string {
	fields := strings.Fields(text)
	if len(fields) <= words {
		return text
	}
	blob := strings.Join(fields[words:], "")
	if upper {
		blob = strings.ToUpper(blob)
	}
	return strings.Join(append(fields[:words:words], chunks(blob, width)), " ")
}

func chunks(blob string, width int) string {
	var pieces []string
	for width > 0 && len(blob) > width {
		pieces = append(pieces, blob[:width])
		blob = blob[width:]
	}
	return strings.Join(append(pieces, blob), " ")
}

// serviceText lacks quotes where a value needs none.
func serviceText(rr *dns.SVCB) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s", rr.Priority, bindNames(rr.Target))
	for _, v := range rr.Value {
		switch v.Key() {
		case dns.SVCB_ALPN, dns.SVCB_DOHPATH:
			fmt.Fprintf(&b, " %s=%s", v.Key(), quoted(v.String()))
		case dns.SVCB_NO_DEFAULT_ALPN:
			fmt.Fprintf(&b, " %s", v.Key())
		case dns.SVCB_MANDATORY, dns.SVCB_PORT, dns.SVCB_IPV4HINT, dns.SVCB_IPV6HINT, dns.SVCB_ECHCONFIG:
			fmt.Fprintf(&b, " %s=%s", v.Key(), v.String())
		default:
			fmt.Fprintf(&b, " %s=%s", v.Key(), quoted(v.String()))
		}
	}
	return b.String()
}

// quoted puts text in quotes; what is escaped stays so.
func quoted(s string) string {
	if s = asciiOnly(s); strings.HasPrefix(s, `"`) {
		return s
	}
	return `"` + s + `"`
}

// locationText has minutes without a 0 before them, and altitudes with two digits.
func locationText(text string) string {
	f := strings.Fields(text)
	if len(f) < 12 {
		return text
	}
	for _, i := range []int{0, 1, 4, 5} {
		if n, err := strconv.Atoi(f[i]); err == nil {
			f[i] = strconv.Itoa(n)
		}
	}
	if alt, err := strconv.ParseFloat(strings.TrimSuffix(f[8], "m"), 64); err == nil {
		f[8] = fmt.Sprintf("%.2fm", alt)
	}
	return strings.Join(f, " ")
}

// bindNames escapes what is special in names as BIND does: a space by its number, $ too, and ' not.
func bindNames(s string) string {
	if !strings.ContainsAny(s, `\$`) {
		return asciiOnly(s)
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && s[i+1] == ' ':
			b.WriteString(`\032`)
			i++
		case c == '\\' && i+1 < len(s) && s[i+1] == '\'':
			b.WriteByte('\'')
			i++
		case c == '\\' && i+1 < len(s):
			b.WriteString(s[i : i+2])
			i++
		case c == '$':
			b.WriteString(`\$`)
		default:
			b.WriteByte(c)
		}
	}
	return asciiOnly(b.String())
}

// printableName is a word that a person typed, made safe to be shown.
func printableName(s string) string { return asciiOnly(s) }

// asciiOnly has each byte that is not printable ASCII as \DDD. What miekg/dns writes has none: this keeps it
// so.
func asciiOnly(s string) string {
	clean := true
	for i := range len(s) {
		clean = clean && s[i] >= ' ' && s[i] < 0x7f
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c >= ' ' && c < 0x7f {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "\\%03d", c)
		}
	}
	return b.String()
}
