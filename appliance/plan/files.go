package plan

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/gatehouse-os/gatehouse/site"
)

// hosts returns hosts(5): the site's own lines, each name in its short and its full form, and the appliance's
// addresses on its networks where the site has no line for them.
func hosts(s *site.Site) string {
	var b strings.Builder
	b.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost\n")
	written := map[netip.Addr]bool{}
	for _, h := range s.Hosts {
		for _, r := range h.Records {
			written[r.Addr] = true
			fmt.Fprintf(&b, "%s\t%s\n", r.Addr, strings.Join(fullNames(s.Domain, r.Names), " "))
		}
	}
	for _, lan := range s.LANs {
		for _, p := range lan.Own() {
			if !written[p.Addr()] {
				fmt.Fprintf(&b, "%s\t%s\n", p.Addr(), strings.Join(fullNames(s.Domain, []string{s.Name}), " "))
			}
		}
	}
	return b.String()
}

// fullNames puts before each name that is a single label the name in the site's domain.
func fullNames(domain string, names []string) []string {
	var all []string
	for _, name := range names {
		if !strings.Contains(name, ".") {
			all = append(all, name+"."+domain)
		}
		all = append(all, name)
	}
	return all
}

// resolvConf returns resolv.conf(5) for the appliance's own commands, which ask its own resolver.
func resolvConf(s *site.Site) string {
	return fmt.Sprintf("search %s\nnameserver 127.0.0.1\n", s.Domain)
}
