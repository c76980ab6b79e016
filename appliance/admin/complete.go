package admin

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/box/kept"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/site"
)

// completeWord is the command that the shell asks for the completions of a word. It is nobody else's.
const completeWord = "complete"

// completePatience is how long who presses Tab waits for the DHCP server's names.
const completePatience = 300 * time.Millisecond

// complete prints what the last of words may become, a line each; the words before it are a command line from
// its command on. What may be a file is not printed. A command that is not gatehouse may have any host.
func complete(ctx context.Context, env Env, w io.Writer, words []string) {
	if len(words) < 2 {
		return
	}
	last := words[len(words)-1]
	var all []string
	if words[0] == "gatehouse" {
		all = env.completions(ctx, words[1:len(words)-1], strings.HasPrefix(last, "-"))
	} else {
		all = env.known(ctx, words[0], "HOST")
	}
	slices.Sort(all)
	for _, word := range slices.Compact(all) {
		if strings.HasPrefix(word, last) && printable.String(word) == word {
			fmt.Fprintln(w, word)
		}
	}
}

// completions are the words that may follow those before in a command line, options or others.
func (e Env) completions(ctx context.Context, before []string, options bool) (all []string) {
	list, name := commands(), "gatehouse"
	var c command
	for len(before) > 0 {
		i := slices.IndexFunc(list, func(c command) bool { return c.name == before[0] })
		if i < 0 {
			break
		}
		c, list, name, before = list[i], list[i].sub, name+" "+before[0], before[1:]
	}
	switch {
	case c.name == "" && len(before) == 1 && before[0] == "help", c.name == "" && len(before) == 0 &&
		!options:
		return append(namesOf(list), "help", "version")
	case c.name == "":
		return nil
	case len(before) == 0 && !options:
		all = namesOf(list)
	}
	if len(before) > 0 {
		if kind := c.valueOf(before[len(before)-1]); kind != "" {
			return e.known(ctx, name, kind)
		}
	}
	for _, word := range append(c.words(), "--help") {
		if strings.HasPrefix(word, "-") == options && word != "-" {
			all = append(all, word)
		}
	}
	if !options {
		for _, kind := range c.kinds() {
			all = append(all, e.known(ctx, name, kind)...)
		}
	}
	return all
}

// known are the words for what stands in capitals in the usage line of a command, as far as there is a list
// of them. Of a site that cannot be read nothing is known.
func (e Env) known(ctx context.Context, name, kind string) (all []string) {
	s, err := e.Site()
	if err != nil {
		return nil
	}
	switch kind {
	case "HOST", "NAME", "ADDRESS", "NETWORK":
		return e.hostNames(ctx, s)
	case "END": // of a conversation
		all = append(zoneNames(s, true), e.hostNames(ctx, s)...)
		for _, g := range s.Firewall.Groups {
			all = append(all, g.Name)
		}
	case "MAC":
		for _, h := range s.Hosts {
			for _, m := range h.MACs {
				all = append(all, m.String())
			}
		}
	case "LAN", "ZONE":
		all = zoneNames(s, kind == "ZONE")
	case "RULE":
		for _, row := range site.FirewallRows(s) {
			all = append(all, row[1])
		}
	case "SERVICE":
		if name == "gatehouse log" {
			return serviceNames()
		}
		for _, service := range slices.Concat(site.Services(), s.Firewall.Services) {
			all = append(all, service.Name)
		}
	case "PROTOCOL":
		return []string{"tcp", "udp", "icmp"}
	case "TYPE":
		return []string{"A", "AAAA", "CNAME", "HTTPS", "MX", "NS", "PTR", "SOA", "SRV", "TXT"}
	case "SOURCE":
		for _, source := range s.NTP.Servers {
			all = append(all, source.Name)
		}
	case "N":
		entries, _ := kept.Open(e.KeptDir).List() // what cannot be read has no numbers
		for _, entry := range entries {
			all = append(all, strconv.Itoa(entry.Number))
		}
	}
	return all
}

// hostNames are the names of the site, and those of clients that have a lease.
func (e Env) hostNames(ctx context.Context, s *site.Site) (all []string) {
	for _, h := range s.Hosts {
		all = append(append(all, h.Name), h.Aliases...)
	}
	ctx, cancel := context.WithTimeout(ctx, completePatience)
	defer cancel()
	var leases []dhcp.LeaseInfo
	if e.ask(ctx, roster.DHCP, "leases", nil, &leases) != nil {
		return all // who is slow is asked again at the next key
	}
	for _, l := range leases {
		if l.State == "bound" && l.Name != "" {
			all = append(all, l.Name)
		}
	}
	return all
}

// zoneNames are those of LANs, and of all other zones too.
func zoneNames(s *site.Site, zones bool) (all []string) {
	for _, l := range s.LANs {
		all = append(all, l.Name)
	}
	if zones {
		all = append(all, site.ZoneWAN)
		for _, z := range s.Firewall.Zones {
			all = append(all, z.Name)
		}
	}
	return all
}

// serviceNames are those that have a log.
func serviceNames() []string {
	all := []string{InitService, "network"}
	for _, service := range roster.All() {
		all = append(all, service.Name)
	}
	return all
}

// suggestion is a question for who wrote a word that an error complains of, and that is nearly one that is
// known.
func (e Env) suggestion(ctx context.Context, name string, c command, args []string, err error) string {
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") || !strings.Contains(err.Error(), arg) ||
			strings.Contains(err.Error(), "did you mean") {
			continue
		}
		known := c.words()
		for _, kind := range c.kinds() {
			known = append(known, e.known(ctx, name, kind)...)
		}
		if near := didYouMean(arg, known); near != "" && !slices.Contains(known, arg) {
			return near
		}
	}
	return ""
}
