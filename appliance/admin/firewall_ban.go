package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/conntrack"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/site"
)

const (
	defaultBan = time.Hour
	maxBan     = 30 * 24 * time.Hour
)

// A Banned is one line of `gatehouse firewall bans --json`.
type Banned struct {
	firewall.Ban
	Name string `json:"name,omitempty"` // of the host, if it is one
}

// banFirewall keeps packets from somebody away for some time, and cuts what he had begun.
func banFirewall(_ context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("firewall ban", flag.ContinueOnError)
	force := flags.Bool("force", false, "")
	words, err := cli.Options(flags, args, 2)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return cli.ErrUsage
	}
	d := defaultBan
	if len(words) == 2 {
		if d, err = banTime(words[1]); err != nil {
			return err
		}
	}
	s, err := env.Site()
	if err != nil {
		return err
	}
	prefixes, err := banned(s, words[0])
	if err != nil {
		return err
	}
	made, err := env.plan(s)
	if err != nil {
		return err
	}
	for _, p := range prefixes { // all are looked at before one is banned
		if _, _, err := firewall.BanKeys(p); err != nil {
			return err
		}
		if err := banProblem(s, made, p, env.SSHConnection, *force); err != nil {
			return err
		}
	}
	for _, p := range prefixes {
		if err := env.Kernel.Ban(firewall.TableName, p, d); err != nil {
			return err
		}
		cut, err := env.Kernel.Forget(func(f conntrack.Flow) bool {
			return p.Contains(f.Source.Addr()) || p.Contains(f.ReplySource.Addr())
		})
		if err != nil {
			return fmt.Errorf("%s is banned, but conversations may go on: %w", prefixText(p), err)
		}
		fmt.Fprintf(env.Stdout, "%s is banned for %s%s\n", prefixText(p), cli.Span(d), cutText(cut))
	}
	return nil
}

func cutText(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "; one conversation was cut"
	}
	return fmt.Sprintf("; %d conversations were cut", n)
}

// banned are what a word stands for: an address, a network, or all addresses of a host.
func banned(s *site.Site, word string) ([]netip.Prefix, error) {
	if a, err := netip.ParseAddr(word); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return []netip.Prefix{netip.PrefixFrom(a, a.BitLen())}, nil
	}
	if p, err := netip.ParsePrefix(word); err == nil && !p.Addr().Is4In6() {
		if p != p.Masked() {
			return nil, fmt.Errorf("%s is no network; did you mean %v?", word, p.Masked())
		}
		return []netip.Prefix{p}, nil
	}
	h, ok := s.Host(word)
	if !ok {
		return nil, fmt.Errorf("%q is no address, no network and no host of the site", word)
	}
	var all []netip.Prefix
	for _, a := range h.Addrs {
		all = append(all, netip.PrefixFrom(a, a.BitLen()))
	}
	if all == nil {
		return nil, fmt.Errorf("%q has no address in hosts; `gatehouse leases` knows what it has now", word)
	}
	return all, nil
}

// banProblem says why it would be a mistake to ban p, nil if it is none. Some mistakes can be forced.
func banProblem(s *site.Site, made plan.Plan, p netip.Prefix, sshConnection string, force bool) error {
	a := p.Addr()
	if a.IsLoopback() || a.IsMulticast() || a.IsUnspecified() {
		return fmt.Errorf("%s is nobody's address", prefixText(p))
	}
	for _, own := range made.Network.Addresses {
		if p.Contains(own.Prefix.Addr()) {
			within := ""
			if !p.IsSingleIP() {
				within = prefixText(p) + ": "
			}
			return fmt.Errorf("%s%v is the appliance itself, on %s", within, own.Prefix.Addr(), own.Link)
		}
	}
	if force {
		return nil
	}
	if client, _, ok := strings.Cut(sshConnection, " "); ok {
		if from, err := netip.ParseAddr(client); err == nil && p.Contains(from.Unmap().WithZone("")) {
			return fmt.Errorf("you are logged in from %v: the ban would lock you out (--force bans it all the same)", from)
		}
	}
	for _, r := range made.Network.Routes {
		if p.Contains(r.Via) {
			return fmt.Errorf("%v is the router to %v: the ban would cut that off (--force bans it all the same)", r.Via, r.To)
		}
	}
	for _, r := range s.DNS.Upstream {
		if p.Contains(r.Addr) {
			return fmt.Errorf("%v is a resolver of the site (--force bans it all the same)", r.Addr)
		}
	}
	return nil
}

// banTime reads "90s", "30m", "1h" or "7d".
func banTime(word string) (time.Duration, error) {
	units := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
	number, unit := word[:max(0, len(word)-1)], word[max(0, len(word)-1):]
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || units[unit] == 0 || n == 0 || n > uint64(maxBan/units[unit]) {
		return 0, fmt.Errorf(`%q is no time for a ban; expected "90s", "30m", "1h" or "7d", 30d at most`,
			word)
	}
	return time.Duration(n) * units[unit], nil
}

// unbanFirewall lets somebody in again.
func unbanFirewall(_ context.Context, env Env, args []string) error {
	words, err := cli.Options(flag.NewFlagSet("firewall unban", flag.ContinueOnError), args, 1)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return cli.ErrUsage
	}
	s, err := env.Site()
	if err != nil {
		return err
	}
	prefixes, err := banned(s, words[0])
	if err != nil {
		return err
	}
	ended := 0
	for _, p := range prefixes {
		n, err := env.Kernel.Unban(firewall.TableName, p)
		if err != nil {
			return err
		}
		if n > 0 {
			fmt.Fprintf(env.Stdout, "%s is not banned any more\n", prefixText(p))
		}
		ended += n
	}
	bans, err := env.Kernel.Bans(firewall.TableName)
	if err != nil {
		return err
	}
	for _, p := range prefixes {
		if i := slices.IndexFunc(bans, func(b firewall.Ban) bool { return b.Prefix.Overlaps(p) }); i >= 0 {
			return fmt.Errorf("%s is still banned, as a part of %s", prefixText(p),
				prefixText(bans[i].Prefix))
		}
	}
	if ended == 0 {
		return errors.New(words[0] + " is not banned")
	}
	return nil
}

// bansFirewall lists who is banned.
func bansFirewall(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("firewall bans", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	if _, err := cli.Options(flags, args, 0); err != nil {
		return err
	}
	d, err := env.directory(ctx)
	if err != nil {
		return err
	}
	bans, err := env.Kernel.Bans(firewall.TableName)
	if err != nil {
		return err
	}
	all := []Banned{}
	for _, b := range bans {
		named := Banned{Ban: b}
		if b.Prefix.IsSingleIP() {
			named.Name = d.hosts[b.Prefix.Addr()]
		}
		all = append(all, named)
	}
	if *asJSON {
		return cli.JSON(env.Stdout, all)
	}
	if len(all) == 0 {
		fmt.Fprintln(env.Stdout, "nobody is banned")
		return nil
	}
	rows := [][]string{{"BANNED", "NAME", "FOR", "LEFT"}}
	for _, b := range all {
		rows = append(rows, []string{prefixText(b.Prefix), orDash(b.Name), banSpan(b.For), banSpan(b.Left)})
	}
	return cli.Rows(printable.Writer(env.Stdout), rows)
}

// banSpan writes how long a ban is; 0 is for ever, as whoever uses nft may have it.
func banSpan(d time.Duration) string {
	if d == 0 {
		return "ever"
	}
	return cli.Span(d)
}

// prefixText writes a network of one address as that address.
func prefixText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
