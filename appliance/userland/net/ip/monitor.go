package ip

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// watched is a kind of things that monitor says the changes of.
type watched struct {
	name   string // as a word of the command line
	banner string // before each line, if all or label is asked for
	groups []uint // of rtnetlink(7)
}

// allWatched are the kinds.
func allWatched() []watched {
	return []watched{
		{"link", "[LINK]", []uint{unix.RTNLGRP_LINK}},
		{"address", "[ADDR]", []uint{unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR}},
		{"neigh", "[NEIGH]", []uint{unix.RTNLGRP_NEIGH}},
		{"rule", "[RULE]", []uint{unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE}},
		{keyRoute, "[ROUTE]", []uint{unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE}},
	}
}

// event is a change, or why there will be no more.
type event struct {
	banner string
	show   func(*request, *record) error // p has what goes before
	lost   bool                          // there were more than the socket could hold
	err    error
}

// monitor prints changes until it is ended, or a socket fails.
//
//	socket of the kernel ──► events ──► monitor ──► standard output
func monitor(r *request) error {
	events, done := make(chan event), make(chan struct{})
	defer close(done)
	var groups []uint
	for _, w := range allWatched() {
		if len(r.given) == 0 || r.has(keyAll) || r.has(w.name) || len(r.given) == 1 && r.has(keyLabel) {
			groups = append(groups, w.groups...)
		}
	}
	if err := r.watch(groups, events, done); err != nil {
		return err
	}
	for {
		var e event
		select {
		case e = <-events:
		case <-r.call.Done():
			return nil
		}
		switch {
		case e.err != nil:
			return refused{e.err}
		case e.lost: // who watches a link that flaps wants to see the rest
			fmt.Fprintf(r.call.Stderr, "%s: changes were lost: there were too many at once\n", r.name)
			continue
		}
		p := &record{}
		r.sayStamp(p, time.Now())
		if r.has(keyAll) || r.has(keyLabel) {
			p.printf("%s", e.banner)
		}
		if err := e.show(r, p); err != nil {
			return err
		}
		if err := r.call.Stdout.Flush(); err != nil {
			return nil // whoever ends the command says so
		}
	}
}

// sayStamp says the time of a change.
func (r *request) sayStamp(p *record, now time.Time) {
	switch r.stamp {
	case "-t":
		p.printf("Timestamp: %s %d usec\n", now.Format("Mon Jan _2 15:04:05 2006"), now.Nanosecond()/1000)
	case "-ts":
		p.printf("[%s] ", now.Format("2006-01-02T15:04:05.000000"))
	}
}

// monitorBuffer is how much a socket keeps while somebody is slow to read, in bytes.
const monitorBuffer = 1 << 20

// watch sends what the kernel says to groups of its own socket.
func (r *request) watch(groups []uint, events chan<- event, done <-chan struct{}) error {
	if len(groups) == 0 {
		return nil
	}
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE, groups...)
	if err != nil {
		return refused{err}
	}
	if err := socket.SetReceiveBufferSize(monitorBuffer, os.Geteuid() == 0); err != nil {
		socket.Close()
		return refused{err}
	}
	go func() {
		<-done
		socket.Close()
	}()
	go func() {
		for {
			messages, _, err := socket.Receive()
			lost := errors.Is(err, unix.ENOBUFS)
			if lost && !send(events, done, event{lost: true}) {
				return
			}
			for _, m := range messages {
				if !send(events, done, newEvent(m.Header.Type, m.Data)) {
					return
				}
			}
			if err != nil && !lost {
				send(events, done, event{err: err})
				return
			}
		}
	}()
	return nil
}

// send hands over an event, unless nobody wants more.
func send(events chan<- event, done <-chan struct{}, e event) bool {
	select {
	case events <- e:
		return true
	case <-done:
		return false
	}
}

// newEvent reads a message.
func newEvent(kind uint16, m []byte) event {
	switch kind {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		return event{banner: "[LINK]", show: func(r *request, p *record) error {
			return r.showChangedLink(p, m, kind == unix.RTM_DELLINK)
		}}
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		return event{banner: "[ADDR]", show: func(r *request, p *record) error {
			return r.showChangedAddr(p, m, kind == unix.RTM_DELADDR)
		}}
	case unix.RTM_NEWNEIGH, unix.RTM_DELNEIGH:
		return event{banner: "[NEIGH]", show: func(r *request, p *record) error {
			return r.showChangedNeigh(p, m, kind == unix.RTM_DELNEIGH)
		}}
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		return event{banner: "[RULE]", show: func(r *request, p *record) error {
			return r.showChangedRule(p, m, kind == unix.RTM_DELRULE)
		}}
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		return event{banner: "[ROUTE]", show: func(r *request, p *record) error {
			return r.showChangedRoute(p, m, kind == unix.RTM_DELROUTE)
		}}
	}
	return event{show: func(*request, *record) error { return nil }}
}

// sayDeleted says that what follows is there no more.
func sayDeleted(p *record, gone bool) {
	if gone {
		p.printf("Deleted ")
	}
}

func (r *request) showChangedLink(p *record, m []byte, gone bool) error {
	l, err := parseLink(m)
	if err != nil {
		return err
	}
	all, err := readLinks()
	if err != nil {
		return err
	}
	sayDeleted(p, gone)
	l.TxQLen = 0
	r.sayLink(p, l, all, false)
	r.sayLinkLayer(p, l, true)
	r.out.write(p)
	return nil
}

func (r *request) showChangedAddr(p *record, m []byte, gone bool) error {
	a, err := parseAddr(m)
	if err != nil {
		return err
	}
	names, err := readLinkNames()
	if err != nil {
		return err
	}
	sayDeleted(p, gone)
	p.printf("%d: %s", a.LinkIndex, names.of(a.LinkIndex))
	sayAddr(p, a)
	r.out.write(p)
	return nil
}

// parseAddr reads an ifaddrmsg with its attributes (rtnetlink(7)).
func parseAddr(m []byte) (a netlink.Addr, err error) {
	if len(m) < unix.SizeofIfAddrmsg {
		return a, errors.New("an address of the kernel's is cut off")
	}
	head := nl.DeserializeIfAddrmsg(m)
	all := inner(m[unix.SizeofIfAddrmsg:])
	local, peer := all[unix.IFA_LOCAL], all[unix.IFA_ADDRESS]
	if local == nil {
		local = peer
	}
	bits := 8 * len(local)
	a = netlink.Addr{LinkIndex: int(head.Index), Scope: int(head.Scope), Flags: int(head.Flags),
		Label: text(all[unix.IFA_LABEL])}
	a.IPNet = &net.IPNet{IP: local, Mask: net.CIDRMask(int(head.Prefixlen), bits)}
	if string(peer) != string(local) {
		a.Peer = &net.IPNet{IP: peer, Mask: a.IPNet.Mask}
	}
	if b := all[unix.IFA_BROADCAST]; b != nil {
		a.Broadcast = b
	}
	if b := all[unix.IFA_FLAGS]; len(b) == 4 {
		a.Flags = int(nl.NativeEndian().Uint32(b))
	}
	if b := all[unix.IFA_CACHEINFO]; len(b) >= 8 {
		a.PreferedLft, a.ValidLft = int(nl.NativeEndian().Uint32(b)), int(nl.NativeEndian().Uint32(b[4:]))
	}
	if len(local) != net.IPv4len && len(local) != net.IPv6len {
		return a, fmt.Errorf("an address of %d bytes", len(local))
	}
	return a, nil
}

func (r *request) showChangedNeigh(p *record, m []byte, gone bool) error {
	n, err := parseNeigh(m)
	if err != nil {
		return err
	}
	if n.Family != unix.AF_INET && n.Family != unix.AF_INET6 || n.IP == nil {
		return nil // a bridge has learned something
	}
	names, err := readLinkNames()
	if err != nil {
		return err
	}
	sayDeleted(p, gone)
	r.showNeigh(p, n, names)
	return nil
}

func (r *request) showChangedRule(p *record, m []byte, gone bool) error {
	rule, err := parseRule(m)
	if err != nil {
		return err
	}
	sayDeleted(p, gone)
	sayRule(p, rule, r.details)
	p.printf("\n")
	r.out.write(p)
	return nil
}

func (r *request) showChangedRoute(p *record, m []byte, gone bool) error {
	route, err := parseRoute(m)
	if err != nil {
		return err
	}
	names, err := readLinkNames()
	if err != nil {
		return err
	}
	sayDeleted(p, gone)
	r.showRoute(p, r.wholeView(names), route)
	return nil
}
