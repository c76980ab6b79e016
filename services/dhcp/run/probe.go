package run

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/conn"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// A Prober asks a network who has an address. Probe and Answer may run at the same
// time; Close ends an Answer, whose error is net.ErrClosed.
type Prober interface {
	// Probe sends a question and does not wait.
	Probe(addr netip.Addr) error
	// Answer waits for somebody who has an address; by is his card, zero if not known.
	Answer() (addr netip.Addr, by lease.MAC, err error)
	Close() error
}

// maxProbes bounds the probes under way. Clients beyond get their address unprobed, not late.
const maxProbes = 256

// probes are the addresses that are looked for before they are offered.
type probes struct {
	waiting []*probe // by the end of their wait
	timer   *time.Timer
}

// A probe is a message that waits for its address to be looked for.
type probe struct {
	msg  message
	lan  *lan
	addr netip.Addr
	mac  lease.MAC // the card that the client asks from
	end  time.Time
}

// ProbeCounts says how the probes of one subnet went.
type ProbeCounts struct {
	Sent    uint64 `json:"sent"`
	InUse   uint64 `json:"in_use"`  // somebody answered
	Skipped uint64 `json:"skipped"` // too many at once, or the socket failed: offered unprobed
	Doubted uint64 `json:"doubted"` // answers of cards that are not believed
}

// openProber opens what a subnet is probed with, nil if it is not to be.
func openProber(sub *dhcp.Subnet) (Prober, error) {
	if sub.Relayed {
		network := sub.Prefix.Addr().As4()
		return conn.OpenICMP(binary.BigEndian.Uint16(network[1:])) // which tells the networks apart
	}
	return conn.OpenARP(sub.Interface, sub.Address)
}

// listen takes the answers of one prober until it is closed.
func (s *Service) listen(ctx context.Context, k *sockets) {
	for {
		addr, by, err := k.prober.Answer()
		if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
			return
		}
		if err != nil {
			s.log.Error("cannot hear who answers probes", "subnet", k.subnet, "err", err)
			pause(ctx, readPause)
			continue
		}
		_ = s.when(s.hasRoom, func(now time.Time) { s.answered(now, addr, by) })
	}
}

// probe looks for the address of it before m is answered, and keeps m until then.
// It reports whether it does; if not, m is to be answered now.
func (s *Service) probe(now time.Time, m message, it item) bool {
	p, out, count := &s.probes, it.out, &it.lan.counts.probes
	if i := p.find(out.Probe); i >= 0 {
		// The client asks again, or another got the address meanwhile: the last counts.
		w := p.waiting[i]
		w.msg, w.mac = m.clone(), out.Card
		return true
	}
	if prober := it.lan.prober(); len(p.waiting) >= maxProbes || prober == nil ||
		prober.Probe(out.Probe) != nil {
		count.Skipped++
		return false
	}
	count.Sent++
	w := &probe{m.clone(), it.lan, out.Probe, out.Card, now.Add(it.lan.Probe)}
	i := len(p.waiting)
	for ; i > 0 && p.waiting[i-1].end.After(w.end); i-- {
	}
	p.waiting = slices.Insert(p.waiting, i, w)
	if i == 0 {
		p.timer.Reset(w.end.Sub(now))
	}
	return true
}

func (p *probes) find(addr netip.Addr) int {
	return slices.IndexFunc(p.waiting, func(w *probe) bool { return w.addr == addr })
}

// unanswered goes on with the messages whose addresses nobody has.
func (s *Service) unanswered(now time.Time) {
	p := &s.probes
	for len(p.waiting) > 0 && !p.waiting[0].end.After(now) {
		w := p.waiting[0]
		p.waiting = slices.Delete(p.waiting, 0, 1)
		s.engine.Probed(now, w.lan.index, w.addr, false, lease.MAC{}, s.spare(w.msg.link).out)
		s.handle(now, w.msg)
	}
	if len(p.waiting) > 0 {
		p.timer.Reset(p.waiting[0].end.Sub(now))
	}
}

// answered deals with somebody who has an address. If it was being looked for the
// address is put aside, and the message gets another; the client's own card, which
// still has its old address, is nobody.
func (s *Service) answered(now time.Time, addr netip.Addr, by lease.MAC) {
	p := &s.probes
	i := p.find(addr)
	if i < 0 {
		return
	}
	w := p.waiting[i]
	used := by != w.mac
	if used && !s.engine.Believes(now, w.lan.index, by) { // somebody else may answer yet
		w.lan.counts.probes.Doubted++
		s.doubt(now, w.lan, by)
		return
	}
	p.waiting = slices.Delete(p.waiting, i, i+1)
	if used {
		w.lan.counts.probes.InUse++
	}
	it := s.spare(w.msg.link)
	it.lan = w.lan
	s.engine.Probed(now, w.lan.index, w.addr, used, by, it.out)
	if len(it.out.Records) > 0 {
		s.dispose(now, it)
	}
	s.handle(now, w.msg)
}
