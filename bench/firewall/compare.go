package main

import (
	"context"
	"errors"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/site/dir"
)

// minimal is what somebody writes who wants a router and no more: it lets a LAN out and replies in. It has no
// counters, asks for no sources, and logs nothing.
const minimal = `
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		ct state invalid drop
		iif lo accept
		meta l4proto ipv6-icmp accept
		iifname eth1 accept
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
		ct state invalid drop
		iifname eth1 oifname eth0 accept
	}
	chain postrouting {
		type nat hook postrouting priority srcnat;
		oifname eth0 masquerade
	}
}
`

// reference is the policy of a site, which must have its WAN on eth0 and its LAN on eth1.
func reference(name string) (firewall.Policy, error) {
	s, err := dir.Load(name)
	if err != nil {
		return firewall.Policy{}, err
	}
	p := plan.Make(s, plan.Learned{}).Firewall.Policy
	p.Share = muchShare
	return p, nil
}

// forwarding compares what a box forwards with the rules of a policy to what it does with minimal ones.
func forwarding(ctx context.Context, p firewall.Policy, rounds int) (rows []row, err error) {
	ours, err := newLab(ctx, "ours")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ours.remove()) }()
	peer, err := newLab(ctx, "peer")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, peer.remove()) }()
	if err := errors.Join(ours.compile(p), peer.script(ctx, minimal)); err != nil {
		return nil, err
	}
	for _, kind := range []struct {
		what   string
		least  float64
		stream func(*lab) (*stream, error)
	}{
		{"established UDP, LAN to WAN, packets/s", 0.95, func(l *lab) (*stream, error) {
			s, _, err := l.established(1, conversations)
			return s, err
		}},
		{"established UDP, WAN to LAN, packets/s", 0.95, func(l *lab) (*stream, error) {
			_, s, err := l.established(1, conversations)
			return s, err
		}},
		{"new UDP conversations, LAN to WAN, a second", 0.9, func(l *lab) (*stream, error) {
			return l.stream(fromLAN, fromHost(beginnings), true)
		}},
	} {
		a, err := kind.stream(ours)
		if err != nil {
			return nil, err
		}
		b, err := kind.stream(peer)
		if err != nil {
			return nil, err
		}
		if err := alternate(ctx, rounds, a, b); err != nil {
			return nil, err
		}
		rows = append(rows, row{kind.what, a.rates, b.rates, atLeast, kind.least})
	}
	tcp, err := throughput(ctx, ours, peer, rounds/4)
	return append(rows, tcp), err
}
