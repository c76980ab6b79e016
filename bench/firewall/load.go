package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
	"github.com/gatehouse-os/gatehouse/firewall/nfttext"
)

const (
	listedNetworks = 20_000
	listedRules    = 500
)

// large is a policy with a list of many networks and many rules, each about a host of its own.
func large() firewall.Policy {
	p := twoZones()
	list := firewall.AddressSet{Name: "blocked", Live: true}
	for i := range listedNetworks {
		// one /24 in four: none touch
		a := netip.AddrFrom4([4]byte{byte(20 + i>>14), byte(i >> 6), byte(i << 2), 0})
		list.Networks = append(list.Networks, netip.PrefixFrom(a, 24))
	}
	p.Sets = []firewall.AddressSet{list}
	p.Rules = []firewall.Rule{{Name: "blocked", Action: firewall.Deny, Log: true,
		From: []firewall.Endpoint{{Zones: []string{"wan"}, Sets: []string{"blocked"}}}, To: zones("lan", "wan")}}
	for i := range listedRules - 1 {
		host := firewall.Endpoint{Zones: []string{"lan"}, Addresses: single(address4(serverNet, i))}
		p.Rules = append(p.Rules, firewall.Rule{Name: fmt.Sprintf("r%d", i), Action: firewall.Allow,
			Origin: fmt.Sprintf("site.toml:%d", i), From: zones("wan"), To: []firewall.Endpoint{host},
			Services: udpPort(uint16(1000 + i))})
	}
	return p
}

// A way is one of getting rules into the kernel.
type way struct {
	load  func() error
	fresh bool // into a kernel without rules; else over the same ones
	took  []float64
}

// loads measures how long it takes until the kernel has the rules of a policy: ours from the policy to the
// end of the transaction, nft(8) with the text of the same rules in a file.
func loads(ctx context.Context, dir string, runs int) (rows []row, err error) {
	s, err := newSpace(ctx, "load")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.remove()) }()
	p := large()
	t, err := firewall.Compile(p, firewall.Features{})
	if err != nil {
		return nil, err
	}
	remove := fmt.Sprintf("table inet %s\ndelete table inet %[1]s\n", t.Name)
	fresh, again := filepath.Join(dir, "fresh.nft"), filepath.Join(dir, "again.nft")
	text := nfttext.Render(t)
	if err := errors.Join(os.WriteFile(fresh, []byte(text), 0o600),
		os.WriteFile(again, []byte(remove+text), 0o600)); err != nil {
		return nil, err
	}
	ours := func() error { return s.do(func() error { return compileAndLoad(p, firewall.Features{}) }) }
	ways := []way{
		{load: ours, fresh: true},
		{load: ours},
		{load: func() error { return s.run(ctx, "", "nft", "-f", fresh) }, fresh: true},
		{load: func() error { return s.run(ctx, "", "nft", "-f", again) }},
	}
	for range runs {
		for i := range ways {
			if err := ways[i].measure(func() error {
				return s.run(ctx, remove, "nft", "-f", "-")
			}); err != nil {
				return nil, err
			}
		}
	}
	what := fmt.Sprintf("load of %d networks and %d rules, ms", listedNetworks, listedRules)
	return []row{{what, ways[0].took, ways[2].took, atMost, 2},
		{"the same over rules that are there, ms", ways[1].took, ways[3].took, atMost, 2}}, nil
}

func (w *way) measure(remove func() error) error {
	if w.fresh {
		if err := remove(); err != nil {
			return err
		}
	}
	start := time.Now()
	err := w.load()
	w.took = append(w.took, time.Since(start).Seconds()*1000)
	return err
}

// compileAndLoad is what the appliance does with a policy.
func compileAndLoad(p firewall.Policy, f firewall.Features) error {
	t, err := firewall.Compile(p, f)
	if err != nil {
		return err
	}
	return nft.Load(t)
}
