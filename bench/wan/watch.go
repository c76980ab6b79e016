package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/bench/wire"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
)

// told is when the kernel of a subject has last told something of its way out, in Unix time in nanoseconds;
// 0: never.
type told struct {
	carrier int64 // the link has carrier
	address int64 // it has an address
	route   int64 // there is a default route
}

// A watch hears what a subject's kernel tells of its links, addresses and routes: rtnetlink(7).
type watch struct {
	carrier func(up bool) // is told of each change

	mu sync.Mutex
	up bool
	told
}

// start hears until done is closed.
func (w *watch) start(namespace string, done <-chan struct{}) error {
	ns, err := netns.GetFromName(namespace)
	if err != nil {
		return err
	}
	defer ns.Close()
	var index int
	if err := wire.In(namespace, func() error {
		link, err := net.InterfaceByName(wanLink)
		if err == nil {
			index = link.Index
		}
		return err
	}); err != nil {
		return err
	}
	links, addrs := make(chan netlink.LinkUpdate, 64), make(chan netlink.AddrUpdate, 64)
	routes := make(chan netlink.RouteUpdate, 64)
	err = errors.Join(
		netlink.LinkSubscribeWithOptions(links, done, netlink.LinkSubscribeOptions{Namespace: &ns}),
		netlink.AddrSubscribeWithOptions(addrs, done, netlink.AddrSubscribeOptions{Namespace: &ns}),
		netlink.RouteSubscribeWithOptions(routes, done, netlink.RouteSubscribeOptions{Namespace: &ns}))
	if err != nil {
		return err
	}
	go func() {
		for {
			select {
			case <-done:
				return
			case l := <-links:
				if int(l.Index) == index {
					const carrier = unix.IFF_RUNNING | unix.IFF_LOWER_UP
					w.link(l.IfInfomsg.Flags&carrier == carrier)
				}
			case a := <-addrs:
				if a.NewAddr && a.LinkIndex == index && a.LinkAddress.IP.To4() != nil {
					w.note(&w.address)
				}
			case r := <-routes:
				if r.Type == unix.RTM_NEWROUTE && isDefault(r.Dst) && r.Gw.To4() != nil {
					w.note(&w.route)
				}
			}
		}
	}()
	return nil
}

func isDefault(n *net.IPNet) bool {
	if n == nil {
		return true
	}
	bits, _ := n.Mask.Size()
	return bits == 0
}

func (w *watch) note(at *int64) {
	now := time.Now().UnixNano()
	w.mu.Lock()
	defer w.mu.Unlock()
	*at = now
}

// link takes whether the link has carrier.
func (w *watch) link(up bool) {
	w.mu.Lock()
	changed := up != w.up
	w.up = up
	w.mu.Unlock()
	if !changed {
		return
	}
	if up {
		w.note(&w.told.carrier)
	}
	w.carrier(up)
}

// says returns what was told so far.
func (w *watch) says() told {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told
}

// talk is the host on the LAN: it sends a datagram to somebody beyond the provider every millisecond, each of
// a port of its own, so that each is a conversation that begins; until ctx ends.
func talk(ctx context.Context, namespace string) error {
	var s *rawsocket.Packet
	err := wire.In(namespace, func() error {
		link, err := net.InterfaceByName(farLink)
		if err != nil {
			return err
		}
		s, err = rawsocket.Open(link.Index, rawsocket.Options{Name: "LAN"})
		return err
	})
	if err != nil {
		return err
	}
	defer s.Close()
	const every, lowest, ports = time.Millisecond, 1024, 60_000
	from, to := netip.MustParseAddr(hostAddr), netip.MustParseAddrPort("198.51.100.9:9")
	var b []byte
	for i := 0; ctx.Err() == nil; i++ {
		b = ethernet.AppendDatagram(b[:0], netip.AddrPortFrom(from, uint16(lowest+i%ports)), to, []byte("bench"))
		if err := s.Send(lanCard(), rawsocket.IPv4, b); err != nil && !errors.Is(err, unix.ENOBUFS) {
			return err
		}
		time.Sleep(every)
	}
	return nil
}
