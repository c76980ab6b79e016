package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/statefile"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
)

// carryOut does what the engine wants, in its order.
func (s *Service) carryOut(actions []client.Action) {
	for i, a := range actions {
		switch a := a.(type) {
		case client.Send:
			s.send(a)
		case client.Probe:
			s.look(a)
		case client.Seek:
			s.seek(a)
		case client.Announce:
			s.announce(a)
		case client.Store:
			s.keep(a.Lease)
		case client.Forget:
			s.forget()
		case client.Event:
			s.tell(a, slices.ContainsFunc(actions[i+1:], isBound))
		}
	}
}

// send sends a message. One to a server may have to wait for its card, and takes the place of the one before.
func (s *Service) send(m client.Send) {
	k := s.conn
	if k == nil {
		return
	}
	failed := func(err error) { // it is sent again by the engine's own times
		s.log.Warn("a message could not be sent", "message", m.Type.String(), "cause", err)
	}
	if s.sending != nil {
		s.sending()
	}
	ctx, cancel := context.WithCancel(s.life)
	if !m.To.IsValid() {
		s.sending = nil
		defer cancel()
		if err := k.Send(ctx, m, Way{}); err != nil {
			failed(err)
		}
		return
	}
	s.sending = cancel
	by := s.wayTo(m.To)
	go func() {
		defer cancel()
		if err := k.Send(ctx, m, by); err != nil && ctx.Err() == nil {
			failed(err)
		}
	}()
}

// wayTo is how a server is reached by what is known of the way out.
func (s *Service) wayTo(server netip.Addr) (by Way) {
	if st := s.client.Status(s.now()); st.Held && len(st.Facts.Addrs) > 0 {
		by.Network, by.Gateway = st.Facts.Addrs[0].Masked(), st.Facts.Gateway
	}
	if s.heard.server == server {
		by.MAC = s.heard.mac
	}
	return by
}

// seek asks for the gateway, beside all else. That it is silent is found out by others.
func (s *Service) seek(q client.Seek) {
	if k := s.conn; k != nil {
		go func() { _ = k.Seek(s.life, q) }()
	}
}

// announce says that an address is ours, beside all else.
func (s *Service) announce(a client.Announce) {
	if a.Text != "" {
		s.log.Warn("conflict", "text", a.Text)
	}
	k := s.conn
	if k == nil {
		return
	}
	go func() {
		if err := k.Announce(s.life, a.Addr, a.Times); err != nil && s.life.Err() == nil {
			s.log.Warn("an address could not be announced", "address", a.Addr.String(), "cause", err)
		}
	}()
}

// isBound reports whether an action is that an address holds.
func isBound(a client.Action) bool {
	e, ok := a.(client.Event)
	return ok && e.Name == client.BoundTo
}

// tell logs an event, keeps it for those who look later, and reports it. Where another address holds in the
// same moment, it is never reported that there is none: init has one in place of the other.
func (s *Service) tell(e client.Event, replaced bool) {
	s.reports.event(s.conf.Link, e, replaced) // first: it is waited for
	s.history.add(e)
	s.log.Info(string(e.Name), "cause", string(e.Cause), "text", e.Text)
	for _, r := range e.Remarks {
		s.log.Warn("not believed", "about", string(r.About), "text", r.Text)
	}
	switch e.Name {
	case client.BoundTo, client.Renewed:
		if e.Changed && len(e.Facts.Addrs) > 0 {
			s.guard(e.Facts.Addrs[0].Addr())
		}
	case client.Deconfig:
		s.guard(netip.Addr{})
	}
}

// leaseFile is the kept lease.
const (
	leaseFile    = "lease"
	maxLeaseFile = 64 << 10
)

// keep has a lease on stable storage when it returns, or notes why it is not.
func (s *Service) keep(l client.Lease) {
	b, err := json.Marshal(l)
	if err == nil {
		err = statefile.Write(filepath.Join(s.o.StateDir, leaseFile), append(b, '\n'), 0o600)
	}
	s.noteKept(err)
}

func (s *Service) forget() {
	err := os.Remove(filepath.Join(s.o.StateDir, leaseFile))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	s.noteKept(err)
}

func (s *Service) noteKept(err error) {
	if err != nil && s.kept == nil {
		s.log.Error("the lease cannot be kept: after a restart another may be given", "cause", err)
	}
	s.kept = err
}

// readLease returns the kept lease, nil if there is none.
func (s *Service) readLease() (*client.Lease, error) {
	b, err := statefile.Read(filepath.Join(s.o.StateDir, leaseFile), maxLeaseFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var l client.Lease
	if err := json.Unmarshal(b, &l); err != nil {
		return nil, fmt.Errorf("%s: %w", leaseFile, err)
	}
	return &l, nil
}
