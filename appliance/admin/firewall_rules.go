package admin

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/site"
)

// SiteRule is a line of the site's [firewall] with what it has decided.
type SiteRule struct {
	Kind  string `json:"kind"` // "allow", "deny", "forward" or "one to one"
	Name  string `json:"name"`
	Whom  string `json:"whom"`           // from → to
	What  string `json:"what,omitempty"` // services and bounds; of a forward, who may use it
	Place string `json:"place"`          // the line of the site
	// of the packets that it decided, first of a conversation each; null: not counted
	Count *firewall.Count `json:"count"`
}

// siteRules prints the rules that the site has written, in their order, a line each, with what they have
// decided.
func siteRules(_ context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("firewall rules", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	if _, err := cli.Options(flags, args, 0); err != nil {
		return err
	}
	s, err := env.Site()
	if err != nil {
		return err
	}
	loaded, err := shown.ReadRules(env.RunDir)
	if err != nil {
		return err
	}
	table, err := loaded.Table()
	if err != nil {
		return err
	}
	counts, err := env.Kernel.Counters(table)
	if err != nil {
		return err
	}
	rules := countRules(site.FirewallRows(s), counts)
	for i := range rules {
		rules[i].Whom = nameAddresses(rules[i].Whom, s.Hosts)
	}
	if *asJSON {
		return cli.JSON(env.Stdout, rules)
	}
	w := printable.Writer(env.Stdout)
	if len(rules) == 0 {
		_, err := fmt.Fprintln(w, "The site has no rules of its own: the defaults decide (gatehouse firewall show).")
		return err
	}
	rows := [][]string{{"HITS", "RULE", "NAME", "LINE", "FROM → TO"}}
	for _, r := range rules {
		hits := "-"
		if r.Count != nil {
			hits = strconv.FormatUint(r.Count.Packets, 10)
		}
		what := r.Whom
		if r.What != "" {
			what += ": " + r.What
		}
		rows = append(rows, []string{hits, r.Kind, r.Name, strings.TrimPrefix(r.Place, "site.toml:"), what})
	}
	cli.Screen(w, rows)
	_, err = fmt.Fprintln(w, "The first that speaks of a conversation decides, then the defaults.")
	return err
}

// countRules finds what each rule of a site has counted. Nothing counts what a translation one to one did.
func countRules(rows [][]string, counts map[string]firewall.Count) []SiteRule {
	rules := make([]SiteRule, 0, len(rows))
	for _, row := range rows {
		r := SiteRule{Kind: row[0], Name: row[1], Whom: row[2], What: row[3], Place: row[4]}
		if n, ok := counts[firewall.RuleCounter(r.Name)]; ok {
			r.Count = &n
		}
		rules = append(rules, r)
	}
	return rules
}

// nameAddresses has a list say hosts by their names, each once.
func nameAddresses(text string, hosts []site.Host) string {
	var words []string
	for word := range strings.FieldsSeq(text) {
		end := ""
		if list := strings.TrimSuffix(word, ","); list != word {
			word, end = list, ","
		}
		a, err := netip.ParseAddr(word)
		if i := slices.IndexFunc(hosts, func(h site.Host) bool {
			return err == nil && slices.Contains(h.Addrs, a)
		}); i >= 0 {
			word = hosts[i].Name
		}
		if last := len(words) - 1; last >= 0 && words[last] == word+"," {
			words[last] = word + end // the address of another family
			continue
		}
		words = append(words, word+end)
	}
	return strings.Join(words, " ")
}
