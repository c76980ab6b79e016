package dns

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream"
)

// What the service says of a name that there is, and of one that there is not.
const (
	noError  = "NOERROR"
	nxDomain = "NXDOMAIN"
)

// meaning says what the answer is and, where that is not plain, why.
func (x *Explanation) meaning(name string, addr netip.Addr, ask bool) (verdict, because string) {
	exists, none := x.Rcode == noError, x.Rcode == nxDomain
	switch failed := x.failure(); {
	case x.By != byHouse && failed != "":
		return "no answer from outside", failed
	case x.By != byHouse && x.Rcode == "" && !ask:
		return "not in the cache: those outside would be asked", ""
	case none && x.By == byHouse:
		return "no such name (NXDOMAIN)", x.whyNobody(name, addr)
	case none:
		return "no such name (NXDOMAIN)", "those outside say that nobody is called so"
	case exists && !x.answered() && x.By == byHouse:
		return "no such records (NODATA)",
			"the name is one of the house, and has others: for what it has not, nobody outside is asked"
	case exists && !x.answered():
		return "no such records (NODATA)", "those outside say that the name has others only"
	case x.By == byHouse:
		return "answered by the house", ""
	case x.By != byOutside:
		return "a name of the house that stands for one outside", ""
	case x.Cached != nil && x.Cached.Left > 0:
		return "answered from the cache", ""
	case x.Asked != nil && x.Asked.What == resolver.Stale.String():
		return "answered with what is good no longer",
			"those outside had no answer, so the old one is given (RFC 8767)"
	}
	return "answered by those outside", ""
}

// failure is why there is no answer from outside, "" if there is one or nobody was asked.
func (x *Explanation) failure() string {
	switch {
	case len(x.Servers) == 0 && x.Cached == nil:
		return "nobody is asked for such names: upstream of [dns] in site.toml says who could be"
	case x.Asked != nil && x.Asked.Error != "":
		return printable.Cut(x.Asked.Error, maxLine)
	case x.Asked != nil && x.Asked.What == resolver.Failed.String():
		return "nobody outside had an answer"
	case x.Cached != nil && x.Cached.Failure:
		return "nobody had one a moment ago, so nobody is asked before a moment has passed"
	case x.Rcode != "" && x.Rcode != noError && x.Rcode != nxDomain:
		return "those outside say " + cut(x.Rcode, maxServer)
	}
	return ""
}

// answered reports whether there is a record of the type that was asked for, and not aliases alone.
func (x *Explanation) answered() bool {
	return slices.ContainsFunc(x.Records, func(text string) bool {
		typ := recordCells(text)[2]
		return typ == x.Type || typ != dns.TypeToString[dns.TypeCNAME]
	})
}

// whyNobody says why a name that the house answers for is nobody's.
func (x *Explanation) whyNobody(name string, addr netip.Addr) string {
	domain := x.house.site.Domain
	lower := strings.ToLower(strings.TrimSuffix(name, "."))
	reverse := strings.HasSuffix(lower, ".in-addr.arpa") || strings.HasSuffix(lower, ".ip6.arpa")
	switch {
	case domain != "" && (lower == domain || strings.HasSuffix(lower, "."+domain)):
		return "nobody has that name here, neither the site nor a lease; names of " + domain +
			" are not asked of others"
	case reverse && addr.IsValid():
		return addr.String() + " has no name here, and nobody outside can know whose it is, so nobody is asked"
	case !strings.Contains(lower, "."):
		return "a name without a dot is nobody's, and is not asked of others"
	}
	if x.Source != "" {
		return fmt.Sprintf("names in %s are not asked of others (%s)", x.Special, x.Source)
	}
	return "its domain means something in one place only, so names in it are not asked of others"
}

// maxRecords is how many records are shown.
const maxRecords = 20

// print writes the answer, and below it who says so.
func (x *Explanation) print(w io.Writer, now time.Time) error {
	by := ""
	if x.From.IsValid() {
		by = " for " + x.house.client(x.From)
	}
	fmt.Fprintf(w, "%s %s%s: %s.\n\n", printable.Cut(x.Name, maxWord), cut(x.Type, 12), by, x.Verdict)
	var rows [][]string
	add := func(label string, lines ...string) {
		for i, line := range lines {
			if i > 0 {
				label = ""
			}
			rows = append(rows, []string{label, line})
		}
	}
	add("answer", x.answerLines()...)
	add("site", x.Site...)
	for _, l := range x.Leases {
		add("lease", leaseText(l, now))
	}
	for _, st := range x.Stations {
		add("made by host", stationText(st, now))
	}
	if x.By != byOutside && len(x.Site)+len(x.Leases)+len(x.Stations) == 0 {
		add("not known", unknown(x.house)...)
	}
	if x.Cached != nil {
		add("cache", x.cacheText())
	}
	if x.Asked != nil {
		add("asked", x.askedText())
	}
	if x.By != byHouse {
		add("servers", x.serverLines(now)...)
	}
	if x.Because != "" {
		add("because", x.Because)
	}
	cli.Screen(w, rows)
	return nil
}

// recordCells are owner, TTL, type and data of a record as in a master file, without its class.
func recordCells(text string) [4]string {
	f := strings.SplitN(text, "\t", 5)
	if len(f) < 5 {
		return [4]string{text}
	}
	return [4]string{f[0], f[1], f[3], f[4]}
}

func (x *Explanation) answerLines() (lines []string) {
	for i, text := range x.Records {
		if i == maxRecords {
			return append(lines, fmt.Sprintf("and %d more", len(x.Records)-i))
		}
		c := recordCells(text)
		lines = append(lines, printable.Cut(strings.TrimSpace(strings.Join(c[:], " ")), maxLine))
	}
	return lines
}

// unknown is what could have said more and did not answer.
func unknown(h house) (lines []string) {
	for _, of := range []struct {
		what string
		err  error
	}{{"the site", h.siteErr}, {"leases", h.leaseErr}} {
		if of.err != nil {
			lines = append(lines, of.what+": "+printable.Cut(of.err.Error(), maxLine))
		}
	}
	return lines
}

func leaseText(l dhcp.LeaseInfo, now time.Time) string {
	text := fmt.Sprintf("%s on %s, of %s", l.Addr, cut(l.Subnet, maxServer), l.MAC)
	if bound(l) {
		return text + ", for another " + cli.Span(l.Expires.Sub(now))
	}
	return text + ", ended " + cli.Span(now.Sub(l.Expires)) + " ago"
}

func (x *Explanation) cacheText() string {
	c := x.Cached
	what := "asked"
	if c.Failure {
		what = "failed"
	}
	text := fmt.Sprintf("%s %s ago, good for another %s", what, cli.Span(c.Age), cli.Span(c.Left))
	if c.Left <= 0 {
		text = fmt.Sprintf("%s %s ago, good no longer since %s", what, cli.Span(c.Age), cli.Span(-c.Left))
	}
	return text + ", " + cli.Count(int(c.Hits), "time", "times") + " given"
}

func (x *Explanation) askedText() string {
	text := "took " + cli.Took(x.Asked.Took)
	if x.Asked.Server != "" {
		text += ", answered by " + cut(x.Asked.Server, maxServer)
	}
	return text
}

// serverLines are those who are asked, and for what.
func (x *Explanation) serverLines(now time.Time) (lines []string) {
	if len(x.Servers) == 0 {
		return []string{"none"}
	}
	for _, s := range x.Servers {
		line := cut(s.String(), maxServer) + ", " + string(s.State)
		if s.Latency > 0 {
			line += ", answers in " + cli.Took(s.Latency)
		}
		if s.Usual > 0 {
			line += ", mostly within " + cli.Took(s.Usual)
		}
		lines = append(lines, line)
		if s.State == upstream.Down {
			lines = append(lines, trouble(s, now)...)
		}
	}
	what := "everything that no other is asked for"
	if d := strings.TrimSuffix(x.Domain, "."); d != "" {
		what = "names of " + cut(d, maxTop)
	}
	return append(lines, "for "+what)
}
