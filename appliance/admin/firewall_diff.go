package admin

import (
	"context"
	"flag"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nfttext"
)

// FirewallDiff is what `gatehouse firewall diff --json` prints.
type FirewallDiff struct {
	Site []Change `json:"site"` // what a load of the site's policy would change
	// in what the kernel's rules are not those that were loaded, one sentence each
	Kernel []string `json:"kernel"`
}

// Change is what one declaration of the ruleset loses and gets, as nft text.
type Change struct {
	Where   string   `json:"where"` // "chain input"
	Removed []string `json:"removed,omitempty"`
	Added   []string `json:"added,omitempty"`
}

// diffFirewall compares what is loaded with what the site says, and the kernel with what is loaded. Its exit
// status is that of diff(1).
func diffFirewall(_ context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("firewall diff", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	if _, err := cli.Options(flags, args, 0); err != nil {
		return err
	}
	d, err := compareFirewall(env)
	if err != nil {
		return err
	}
	if *asJSON {
		if err := cli.JSON(env.Stdout, d); err != nil {
			return err
		}
	} else {
		d.print(env)
	}
	if len(d.Site)+len(d.Kernel) > 0 {
		return cli.ErrProblems
	}
	return nil
}

func compareFirewall(env Env) (FirewallDiff, error) {
	d := FirewallDiff{Site: []Change{}, Kernel: []string{}}
	loaded, err := shown.ReadRules(env.RunDir)
	if err != nil {
		return d, err
	}
	policy, err := env.policy()
	if err != nil {
		return d, err
	}
	debug.FreeOSMemory() // of the site: what follows needs it in the kernel
	running, err := loaded.Table()
	if err != nil {
		return d, err
	}
	differences, err := env.Kernel.Differences(running)
	d.Kernel = append(d.Kernel, differences...)
	if err != nil {
		return d, err
	}
	wanted, err := firewall.Compile(policy, loaded.Features)
	if err != nil {
		return d, err
	}
	d.Site = append(d.Site, changes(blocks(running, wanted))...)
	wantedARP := firewall.Loaded{Policy: policy}.ARP()
	for _, c := range changes(blocks(loaded.ARP(), wantedARP)) {
		c.Where = "arp " + c.Where
		d.Site = append(d.Site, c)
	}
	differences, err = env.Kernel.Differences(loaded.ARP())
	for _, text := range differences {
		d.Kernel = append(d.Kernel, "arp "+text)
	}
	return d, err
}

// policy is that of the site as it is.
func (e Env) policy() (firewall.Policy, error) {
	learned, err := shown.ReadLearned(e.RunDir)
	if err != nil {
		return firewall.Policy{}, err
	}
	s, err := e.Site()
	if err != nil {
		return firewall.Policy{}, err
	}
	return plan.PolicyOf(s, learned), nil
}

// blocks are the declarations of two tables, without the networks that the same set has in both: who compares
// lists of ten thousands has no memory for their text.
func blocks(from, to firewall.Table) (a, b []nfttext.Block) {
	from.Sets, to.Sets = slices.Clone(from.Sets), slices.Clone(to.Sets)
	for i, s := range from.Sets {
		j := slices.IndexFunc(to.Sets, func(other firewall.Set) bool { return other.Name == s.Name })
		if j >= 0 && ofNetworks(s) && ofNetworks(to.Sets[j]) {
			from.Sets[i].Elements, to.Sets[j].Elements = firewall.Exchanged(s.Elements, to.Sets[j].Elements)
		}
	}
	return nfttext.Blocks(from), nfttext.Blocks(to)
}

// ofNetworks reports whether the elements of s are sorted networks.
func ofNetworks(s firewall.Set) bool {
	kind := s.Key[0].Kind()
	return s.Interval && len(s.Key) == 1 && (kind == firewall.KindIPv4 || kind == firewall.KindIPv6)
}

func (d FirewallDiff) print(env Env) {
	if len(d.Site)+len(d.Kernel) == 0 {
		fmt.Fprintln(env.Stdout, "The kernel has the rules that were loaded, and they are what the site says.")
		return
	}
	for _, k := range d.Kernel {
		fmt.Fprintf(env.Stdout, "! the kernel has not what was loaded: %s\n", k)
	}
	for _, c := range d.Site {
		fmt.Fprintln(env.Stdout, c.Where)
		for _, line := range c.Removed {
			fmt.Fprintf(env.Stdout, "- %s\n", line)
		}
		for _, line := range c.Added {
			fmt.Fprintf(env.Stdout, "+ %s\n", line)
		}
	}
}

// changes are the declarations that differ. Counters follow from the rules that name them, and are left out.
func changes(from, to []nfttext.Block) []Change {
	var all []Change
	find := func(blocks []nfttext.Block, title string) nfttext.Block {
		i := slices.IndexFunc(blocks, func(b nfttext.Block) bool { return b.Title == title })
		if i < 0 {
			return nfttext.Block{Title: title}
		}
		return blocks[i]
	}
	titles := []string{}
	for _, b := range slices.Concat(from, to) {
		if !slices.Contains(titles, b.Title) && !strings.HasPrefix(b.Title, "counter ") {
			titles = append(titles, b.Title)
		}
	}
	for _, title := range titles {
		a, b := find(from, title), find(to, title)
		c := Change{Where: title}
		for _, part := range [][2][]string{{a.Head, b.Head}, {a.Rules, b.Rules}, {a.Elements, b.Elements}} {
			c.Removed = append(c.Removed, missing(part[0], part[1])...)
			c.Added = append(c.Added, missing(part[1], part[0])...)
		}
		if len(c.Removed)+len(c.Added) == 0 && !slices.Equal(a.Rules, b.Rules) {
			c.Removed, c.Added = a.Rules, b.Rules // the same in another order
		}
		if len(c.Removed)+len(c.Added) > 0 {
			all = append(all, c)
		}
	}
	return all
}

// missing are the lines of a that b does not have, as often as it lacks them.
func missing(a, b []string) []string {
	left := map[string]int{}
	for _, line := range b {
		left[line]++
	}
	var out []string
	for _, line := range a {
		if left[line]--; left[line] < 0 {
			out = append(out, line)
		}
	}
	return out
}
