package ipv6

import (
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// rest says how long a prefix is to be used yet; "": for ever.
func rest(p plan.Prefix6, up time.Duration) string {
	switch {
	case p.Valid == wan.Never:
		return ""
	case p.Valid <= up:
		return "its time is over"
	case p.Preferred <= up:
		return "not for new conversations, valid for another " + cli.Span(p.Valid-up)
	case p.Preferred == p.Valid:
		return "for another " + cli.Span(p.Valid-up)
	case p.Preferred == wan.Never:
		return "valid for another " + cli.Span(p.Valid-up)
	}
	return fmt.Sprintf("preferred for another %s, valid for %s", cli.Span(p.Preferred-up),
		cli.Span(p.Valid-up))
}

// lifetime is one that hosts are told.
func lifetime(d time.Duration) string {
	if d == 0 {
		return "no"
	}
	return cli.Span(d)
}

// joined writes values in a row.
func joined[T fmt.Stringer](all []T) string {
	words := make([]string, len(all))
	for i, v := range all {
		words[i] = v.String()
	}
	return strings.Join(words, " ")
}

// listed writes words as people do: one, two and three.
func listed(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
