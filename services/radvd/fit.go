package radvd

import "fmt"

// Fit takes away what an advertisement has no room for, or that is more than hosts are told of, and says
// what: a sentence each. What matters least goes first: the last search domains, then the captive portal.
// Nothing else can be too much, for lists are bounded.
func (l *Link) Fit() (untold []string) {
	say := func(n int, what string) {
		if n > 0 {
			untold = append(untold, fmt.Sprintf("%s: hosts are not told of %d %s over IPv6, which are too many", l.Network, n, what))
		}
	}
	say(cut(&l.Prefixes), "networks")
	say(cut(&l.Routes), "routes")
	say(cut(&l.Resolvers), "resolvers")
	say(cut(&l.NTP), "time servers")
	domains := cut(&l.Search)
	for ; l.size() > roomOf && len(l.Search) > 0; domains++ {
		l.Search = l.Search[:len(l.Search)-1]
	}
	say(domains, "search domains")
	if l.size() > roomOf && l.CaptivePortal != "" {
		l.CaptivePortal = ""
		untold = append(untold, l.Network+": hosts are not told of the captive portal over IPv6: there is no room for it")
	}
	return untold
}

// cut shortens a list to what a Link may have, and says by how many.
func cut[T any](list *[]T) int {
	n := max(0, len(*list)-maxOf)
	*list = (*list)[:len(*list)-n]
	return n
}
