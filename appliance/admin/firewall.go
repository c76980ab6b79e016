package admin

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/conntrack"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
	"github.com/gatehouse-os/gatehouse/firewall/nfttext"
)

const (
	// shownElements is how many elements of a set are shown unless all are asked for.
	shownElements = 10
)

// Kernel is what the firewall command asks the kernel: packages nft and conntrack, but in tests.
type Kernel struct {
	Counters    func(firewall.Table) (map[string]firewall.Count, error)
	Kept        func(firewall.Table) (firewall.Table, error)
	Differences func(firewall.Table) ([]string, error)
	Ban         func(table string, p netip.Prefix, d time.Duration) error
	Unban       func(table string, p netip.Prefix) (elements int, err error)
	Bans        func(table string) ([]firewall.Ban, error)
	Flows       func(each func(conntrack.Flow)) error
	Forget      func(match func(conntrack.Flow) bool) (int, error)
	Limits      func() (conntrack.Limits, error)
}

// ThisKernel asks the kernel that the command runs on.
func ThisKernel() Kernel {
	return Kernel{nft.CountersOf, nft.Kept, nft.Differences, nft.Ban, nft.Unban, nft.Bans,
		conntrack.Each, conntrack.Forget, conntrack.ReadLimits}
}

func firewallCommands() []command {
	return []command{
		{name: "rules", usage: "[--json]",
			what: "the site's own rules, a line each, and how often each has decided", run: siteRules},
		{name: "show", usage: "[-a] [--json]", what: "all rules as nft text, and what they counted",
			run: showFirewall},
		{name: "diff", usage: "[--json]", what: "whether the rules are what the site says",
			run: diffFirewall},
		{name: "explain", usage: "from [ZONE] END to END [PROTOCOL PORT|SERVICE] [--json]",
			what: "why a packet passes or not", run: explainFirewall},
		{name: "log", usage: "[-f] [-n LINES] [--json] [RULE|ZONE|HOST]",
			what: "packets that rules have logged", run: logFirewall},
		{name: "ban", usage: "ADDRESS|NETWORK|HOST [TIME] [--force]",
			what: "keep packets from somebody away, 1h if nothing else is said", run: banFirewall},
		{name: "unban", usage: "ADDRESS|NETWORK|HOST", what: "let them in again", run: unbanFirewall},
		{name: "bans", usage: "[--json]", what: "who is banned, and for how long", run: bansFirewall},
		{name: "top", usage: "[-n LINES] [--json]", what: "who talks, and how much", run: topFirewall},
	}
}

// showFirewall prints the rules as nft text with what they have counted, or as JSON rule by rule.
func showFirewall(_ context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("firewall show", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	all := flags.Bool("a", false, "")
	if _, err := cli.Options(flags, args, 0); err != nil {
		return err
	}
	tables, err := loadedTables(env)
	if err != nil {
		return err
	}
	infos, hidden := []RuleInfo{}, 0
	for _, t := range tables {
		if *asJSON {
			infos = append(infos, rulesOf(t.Table, t.counts)...)
			continue
		}
		if !*all {
			short, n := shortened(t.Sets)
			t.Sets, hidden = short, hidden+n
		}
		fmt.Fprint(env.Stdout, nfttext.RenderCounted(t.Table, t.counts))
	}
	if *asJSON {
		return cli.JSON(env.Stdout, infos)
	}
	if hidden > 0 {
		fmt.Fprintf(env.Stdout, "# %d elements of long sets are not shown; -a shows them\n", hidden)
	}
	return nil
}

// A countedTable is a table that is loaded, with what the kernel has counted and holds in its sets.
type countedTable struct {
	firewall.Table
	counts map[string]firewall.Count
}

func loadedTables(env Env) ([]countedTable, error) {
	loaded, err := shown.ReadRules(env.RunDir)
	if err != nil {
		return nil, err
	}
	table, err := loaded.Table()
	if err != nil {
		return nil, err
	}
	var all []countedTable
	for _, t := range []firewall.Table{table, loaded.ARP()} {
		if t.Chains == nil {
			continue
		}
		if t, err = env.Kernel.Kept(t); err != nil {
			return nil, err
		}
		counts, err := env.Kernel.Counters(t)
		if err != nil {
			return nil, err
		}
		all = append(all, countedTable{t, counts})
	}
	return all, nil
}

// shortened cuts long sets, and says how many elements went.
func shortened(sets []firewall.Set) ([]firewall.Set, int) {
	short, hidden := slices.Clone(sets), 0
	for i, s := range short {
		if n := len(s.Elements) - shownElements; n > 0 {
			short[i].Elements = s.Elements[:shownElements]
			hidden += n
		}
	}
	return short, hidden
}

// RuleInfo is one rule of `gatehouse firewall show --json`.
type RuleInfo struct {
	Family  string          `json:"family,omitempty"` // "arp", or "": IPv4 and IPv6
	Chain   string          `json:"chain"`
	Number  int             `json:"number"` // in its chain, from 1
	Text    string          `json:"text"`   // as nft has it
	Name    string          `json:"name,omitempty"`
	Origin  string          `json:"origin,omitempty"`  // the line of the site
	Counter string          `json:"counter,omitempty"` // which several rules may share
	Count   *firewall.Count `json:"count,omitempty"`
}

func rulesOf(t firewall.Table, counts map[string]firewall.Count) []RuleInfo {
	infos, family := []RuleInfo{}, ""
	if t.Family == firewall.ARP {
		family = "arp"
	}
	for _, c := range t.Chains {
		for i, r := range c.Rules {
			info := RuleInfo{Family: family, Chain: c.Name, Number: i + 1, Text: nfttext.Rule(t, r),
				Name: r.Name, Origin: r.Origin, Counter: r.Counter}
			if count, ok := counts[r.Counter]; ok {
				info.Count = &count
			}
			infos = append(infos, info)
		}
	}
	return infos
}
