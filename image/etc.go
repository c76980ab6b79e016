package image

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/site"
)

// user is an account of the appliance. Its group has the same name and number.
type user struct {
	name, home, shell string
	id                int
}

// users has an account for each service that does not run as root. There are no passwords: people come in by
// ssh with a key, or by the console.
func users() []user {
	all := []user{{"root", "/root", "/bin/sh", 0}, {"nobody", "/", "/bin/false", 65534}}
	for _, s := range roster.All() {
		if s.UID != 0 {
			all = append(all, user{s.Name, "/", "/bin/false", s.UID})
		}
	}
	slices.SortFunc(all, func(a, b user) int { return cmp.Compare(a.id, b.id) })
	return all
}

func passwd() string {
	var b strings.Builder
	for _, u := range users() {
		fmt.Fprintf(&b, "%s:x:%d:%d::%s:%s\n", u.name, u.id, u.id, u.home, u.shell)
	}
	return b.String()
}

// group has, besides the users' groups, the one that owns terminals (pts(4)).
func group() string {
	var b strings.Builder
	b.WriteString("tty:x:5:\n")
	for _, u := range users() {
		fmt.Fprintf(&b, "%s:x:%d:\n", u.name, u.id)
	}
	return b.String()
}

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
		for _, p := range []netip.Prefix{lan.IPv4, lan.IPv6} {
			if p.IsValid() && !written[p.Addr()] {
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

// resolvConf returns resolv.conf(5) for the appliance's own commands.
func resolvConf(s *site.Site) string {
	var b strings.Builder
	fmt.Fprintf(&b, "search %s\n", s.Domain)
	for _, server := range s.DNS.Upstream {
		fmt.Fprintf(&b, "nameserver %s\n", server)
	}
	return b.String()
}

// osRelease returns os-release(5).
func osRelease(version string) string {
	version = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`", "\n", " ").Replace(version)
	return fmt.Sprintf("NAME=\"Gatehouse\"\nID=gatehouse\nVERSION=\"%s\"\nPRETTY_NAME=\"Gatehouse %[1]s\"\n", version)
}
